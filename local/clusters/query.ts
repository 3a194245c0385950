/** The query protocol of STS and EC2: form fields in, XML out. */
import type { ApiCall, ApiRequest } from '#local/types.ts';

/** The operation and its flat fields (`Filter.1.Name`), from the body or, for presigned calls, the query. */
export function parseQuery(request: ApiRequest): ApiCall<Record<string, string>> {
  const fields = request.body.length > 0 ? new URLSearchParams(request.body.toString()) : request.query;
  const { Action = '', ...input } = Object.fromEntries(fields) as Record<string, string>;
  return { operation: Action, input };
}

/** The values of a list, `NAME.1`, `NAME.2`, …; with `NAME.member.1` as STS writes it. */
export function listOf(input: Readonly<Record<string, string>>, name: string): string[] {
  const found: string[] = [];
  for (let n = 1; ; n++) {
    const value = input[`${name}.${n}`] ?? input[`${name}.member.${n}`];
    if (value === undefined) return found;
    found.push(value);
  }
}

/** What becomes an element: text, elements, or a list of `<item>`. */
export type Xml = string | number | boolean | readonly Xml[] | { readonly [name: string]: Xml | undefined };

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
};

/** Elements of an object in its order; undefined ones are left out. */
export function xml(value: Xml): string {
  if (Array.isArray(value)) return value.map((item) => `<item>${xml(item)}</item>`).join('');
  if (typeof value !== 'object') return String(value).replace(/[&<>"']/g, (found) => ENTITIES[found]!);
  return Object.entries(value)
    .filter(([, inner]) => inner !== undefined)
    .map(([name, inner]) => `<${name}>${xml(inner as Xml)}</${name}>`)
    .join('');
}
