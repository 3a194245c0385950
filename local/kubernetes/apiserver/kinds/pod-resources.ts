/** Which requests and limits of containers are refused. */
import { type FieldError, forbiddenField, invalidField, required } from '../errors.ts';
import type { Json } from '../json.ts';
import { parseQuantity } from '../schema/quantity.ts';

const STANDARD = /^(cpu|memory|ephemeral-storage|storage|hugepages-.+)$/;
const COUNTED = /^(cpu|memory)$/;

const isHugePages = (name: string): boolean => name.startsWith('hugepages-');
/** Kubernetes' own; the others (`nvidia.com/gpu`) are counted in whole pieces. */
const isNative = (name: string): boolean => !name.includes('/') || name.includes('kubernetes.io/');
/** More of it can be promised than there is. */
const overcommits = (name: string): boolean => isNative(name) && !isHugePages(name);

const WHOLE = 1_000_000_000n;

function quantityFaults(field: string, name: string, value: string): FieldError[] {
  const faults: FieldError[] = [];
  if (!STANDARD.test(name) && !name.includes('/')) {
    faults.push(invalidField(field, name, 'must be a standard resource type or fully qualified'));
    faults.push(invalidField(field, name, 'must be a standard resource for containers'));
  }
  const { nano } = parseQuantity(value) ?? { nano: 0n };
  if (nano < 0n) faults.push(invalidField(field, value, 'must be greater than or equal to 0'));
  if (!isNative(name) && nano % WHOLE !== 0n) faults.push(invalidField(field, value, 'must be an integer'));
  return faults;
}

function requestFaults(field: string, name: string, value: string, limit: string | undefined): FieldError[] {
  const at = `${field}.requests`;
  if (limit === undefined)
    return overcommits(name) ? [] : [required(`${field}.limits`, 'Limit must be set for non overcommitable resources')];
  const [asked, allowed] = [parseQuantity(value)?.nano ?? 0n, parseQuantity(limit)?.nano ?? 0n];
  if (asked !== allowed && !overcommits(name))
    return [invalidField(at, value, `must be equal to ${name} limit of ${limit}`)];
  return asked > allowed ? [invalidField(at, value, `must be less than or equal to ${name} limit of ${limit}`)] : [];
}

/** Faults of a container's resources that stand at `field`. */
export function resourceFaults(field: string, resources: Json = {}): FieldError[] {
  const limits = Object.entries<string>(resources.limits ?? {});
  const requests = Object.entries<string>(resources.requests ?? {});
  const faults = [
    ...limits.flatMap(([name, value]) => quantityFaults(`${field}.limits[${name}]`, name, value)),
    ...requests.flatMap(([name, value]) => [
      ...quantityFaults(`${field}.requests[${name}]`, name, value),
      ...requestFaults(field, name, value, resources.limits?.[name]),
    ]),
  ];
  const names = [...limits, ...requests].map(([name]) => name);
  if (names.some(isHugePages) && !names.some((name) => COUNTED.test(name)))
    faults.push(forbiddenField(field, 'HugePages require cpu or memory'));
  return faults;
}
