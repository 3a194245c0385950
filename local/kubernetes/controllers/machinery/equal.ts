/** Whether two JSON values mean the same to the API: the order of keys and absent, null or empty members do not count. */

const empty = (value: unknown): boolean =>
  value === undefined || value === null || (typeof value === 'object' && Object.keys(value).length === 0);

export function sameJson(a: unknown, b: unknown): boolean {
  if (a === b || (empty(a) && empty(b))) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) || Array.isArray(b)) {
    return (
      Array.isArray(a) &&
      Array.isArray(b) &&
      a.length === b.length &&
      a.every((item, index) => sameJson(item, b[index]))
    );
  }
  const left = a as Record<string, unknown>;
  const right = b as Record<string, unknown>;
  return [...new Set([...Object.keys(left), ...Object.keys(right)])].every((key) => sameJson(left[key], right[key]));
}

/** Whether `known` says all that `next` says; a zero, an empty text and a false count as absent, as the API omits them. */
export const says = (known: object | undefined, next: object): boolean =>
  Object.entries(next).every(([key, value]) =>
    sameJson((known as Record<string, unknown> | undefined)?.[key] || undefined, value || undefined),
  );
