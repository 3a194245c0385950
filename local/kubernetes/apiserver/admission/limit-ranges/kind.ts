/** LimitRanges: what is filled into one, and its faults. */
import { duplicate, type FieldError, forbiddenField, invalidField, required } from '../../errors.ts';
import type { Json, Obj } from '../../json.ts';
import { quantityOf, shown } from '../quantities.ts';

const TYPES = ['Container', 'PersistentVolumeClaim', 'Pod'];

/** A limit that is open is the maximum, a request that is open the limit, or else the minimum. */
export function limitRangeDefaults({ spec }: Json): void {
  for (const item of spec?.limits ?? []) {
    if (item.type !== 'Container') continue;
    const limits = { ...item.max, ...item.default };
    const requests = { ...item.min, ...limits, ...item.defaultRequest };
    if (Object.keys(limits).length) item.default = limits;
    if (Object.keys(requests).length) item.defaultRequest = requests;
  }
}

function itemFaults(item: Json, field: string): FieldError[] {
  const faults: FieldError[] = [];
  const { type, max = {}, min = {}, default: limit = {}, defaultRequest = {}, maxLimitRequestRatio = {} } = item;
  if (!TYPES.includes(type) && !type?.includes('/'))
    faults.push(invalidField(`${field}.type`, type ?? '', 'must be a standard limit type or fully qualified'));
  if (type === 'Pod')
    for (const name of ['default', 'defaultRequest'])
      if (Object.keys(item[name] ?? {}).length)
        faults.push(forbiddenField(`${field}.${name}`, "may not be specified when `type` is 'Pod'"));
  if (type === 'PersistentVolumeClaim' && max.storage === undefined && min.storage === undefined)
    faults.push(
      required(`${field}.limits`, 'either minimum or maximum storage value is required, but neither was provided'),
    );
  const names = [max, min, limit, defaultRequest, maxLimitRequestRatio].flatMap((list) => Object.keys(list));
  for (const name of [...new Set(names)].sort()) {
    /** `a` must not be greater than `b`. */
    const ordered = (a: Json, b: Json, at: string, value: Json, [what, than]: [string, string]) => {
      if (a[name] === undefined || b[name] === undefined) return;
      const [left, right] = [quantityOf(a[name]), quantityOf(b[name])];
      if (left.nano > right.nano)
        faults.push(
          invalidField(
            `${field}.${at}[${name}]`,
            String(value[name]),
            `${what} value ${shown(left)} is greater than ${than} value ${shown(right)}`,
          ),
        );
    };
    ordered(min, max, 'min', min, ['min', 'max']);
    ordered(min, defaultRequest, 'defaultRequest', defaultRequest, ['min', 'default request']);
    ordered(defaultRequest, max, 'defaultRequest', defaultRequest, ['default request', 'max']);
    ordered(defaultRequest, limit, 'defaultRequest', defaultRequest, ['default request', 'default limit']);
    ordered(min, limit, 'default', min, ['min', 'default']);
    ordered(limit, max, 'default', max, ['default', 'max']);
    const ratio = maxLimitRequestRatio[name];
    if (ratio !== undefined && quantityOf(ratio).nano < 1_000_000_000n)
      faults.push(
        invalidField(`${field}.maxLimitRequestRatio[${name}]`, String(ratio), `ratio ${ratio} is less than 1`),
      );
  }
  return faults;
}

export function limitRangeFaults({ spec }: Obj): FieldError[] {
  const seen = new Set<string>();
  return (spec?.limits ?? []).flatMap((item: Json, i: number) => {
    const field = `spec.limits[${i}]`;
    const twice = seen.has(item.type) ? [duplicate(`${field}.type`, item.type)] : [];
    seen.add(item.type);
    return [...twice, ...itemFaults(item, field)];
  });
}
