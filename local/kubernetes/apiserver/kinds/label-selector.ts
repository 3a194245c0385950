/** The label selectors that stand in objects (metav1.LabelSelector): which labels they choose, and which are refused. */
import { type FieldError, forbiddenField, invalidField, required } from '../errors.ts';
import type { Json } from '../json.ts';
import { keyFaults, valueFaults } from '../storage/selectors.ts';

/** Whether the selector chooses the labels; an empty one chooses everything, none chooses nothing. */
export const selects = (selector: Json, labels: Record<string, string> = {}): boolean =>
  selector !== undefined &&
  selector !== null &&
  Object.entries(selector.matchLabels ?? {}).every(([key, value]) => labels[key] === value) &&
  (selector.matchExpressions ?? []).every(({ key, operator, values = [] }: Json) => {
    const has = labels[key] !== undefined;
    if (operator === 'Exists') return has;
    if (operator === 'DoesNotExist') return !has;
    return operator === 'In' ? has && values.includes(labels[key]) : !has || !values.includes(labels[key]);
  });

/** Faults of a selector that stands at `field`. */
export function labelSelectorFaults(field: string, selector: Json): FieldError[] {
  const faults: FieldError[] = [];
  for (const [key, value] of Object.entries<string>(selector?.matchLabels ?? {})) {
    for (const why of keyFaults(key)) faults.push(invalidField(`${field}.matchLabels`, key, why));
    for (const why of valueFaults(value)) faults.push(invalidField(`${field}.matchLabels`, value, why));
  }
  for (const [i, { key = '', operator, values = [] }] of (selector?.matchExpressions ?? []).entries()) {
    const at = `${field}.matchExpressions[${i}]`;
    if (operator === 'In' || operator === 'NotIn') {
      if (values.length === 0)
        faults.push(required(`${at}.values`, "must be specified when `operator` is 'In' or 'NotIn'"));
    } else if (operator === 'Exists' || operator === 'DoesNotExist') {
      if (values.length > 0)
        faults.push(
          forbiddenField(`${at}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"),
        );
    } else faults.push(invalidField(`${at}.operator`, operator ?? '', 'not a valid selector operator'));
    for (const why of keyFaults(key)) faults.push(invalidField(`${at}.key`, key, why));
    for (const [n, value] of values.entries())
      for (const why of valueFaults(value)) faults.push(invalidField(`${at}.values[${n}]`, value, why));
  }
  return faults;
}
