/** What a rule of a schema says beside its expressions: its message, reason and path, whatever the expressions are. */
import { type FieldError, invalidField, notSupported, required } from '../errors.ts';
import { isMap, type Json } from '../json.ts';

const REASONS = ['FieldValueDuplicate', 'FieldValueForbidden', 'FieldValueInvalid', 'FieldValueRequired'];

const isBlank = (text: Json): boolean => !text?.trim();
const hasBreaks = (text: Json): boolean => /[\n\r]/.test(text?.trim() ?? '');

/** `fieldPath` must name a field that the schema knows. */
function isPath(path: string, schema: Json): boolean {
  let at = schema;
  const keys = [...path.matchAll(/\.([^.[\]]+)|\['([^']*)'\]/g)].map(([, a, b]) => a ?? b!);
  for (const key of keys)
    at = at?.properties?.[key] ?? (isMap(at?.additionalProperties) ? at.additionalProperties : undefined);
  return keys.length > 0 && !!at;
}

/** Faults of a rule that stands at `path`, in a schema. */
export function ruleTextFaults(path: string, rule: Json, schema: Json): FieldError[] {
  const { rule: expression, message, messageExpression, reason, fieldPath } = rule;
  const faults: FieldError[] = [];
  const at = `${path}.message`;
  if (isBlank(expression)) faults.push(required(`${path}.rule`, 'rule is not specified'));
  else if (message && isBlank(message))
    faults.push(invalidField(at, message, 'message must be non-empty if specified'));
  else if (hasBreaks(message)) faults.push(invalidField(at, message, 'message must not contain line breaks'));
  else if (hasBreaks(expression) && isBlank(message))
    faults.push(required(at, 'message must be specified if rule contains line breaks'));
  if (messageExpression && isBlank(messageExpression))
    faults.push(required(`${path}.messageExpression`, 'messageExpression must be non-empty if specified'));
  if (reason !== undefined && !REASONS.includes(reason)) faults.push(notSupported(`${path}.reason`, reason, REASONS));
  if (fieldPath && isBlank(fieldPath))
    faults.push(invalidField(`${path}.fieldPath`, fieldPath, 'fieldPath must be non-empty if specified'));
  else if (fieldPath && !isPath(String(fieldPath), schema))
    faults.push(
      invalidField(`${path}.fieldPath`, fieldPath, 'fieldPath must be a valid path: does not refer to a valid field'),
    );
  return faults;
}
