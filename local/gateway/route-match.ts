/** Which route of an HTTP API a request goes to: a full match before `{param}`, that before `{proxy+}`, `$default` last. */

/** A route that fits, and what its path parameters are. */
export interface Match<R> {
  readonly route: R;
  readonly parameters: Readonly<Record<string, string>>;
}

interface Segments {
  /** One a segment: 2 literal, 1 parameter, 0 greedy. */
  readonly ranks: readonly number[];
  readonly parameters: Readonly<Record<string, string>>;
}

function align(pattern: string, path: string): Segments | undefined {
  const [wanted, given] = [pattern.split('/').slice(1), path.split('/').slice(1)];
  const parameters: Record<string, string> = {};
  const ranks: number[] = [];
  for (const [at, part] of wanted.entries()) {
    const greedy = /^\{(.+)\+\}$/.exec(part);
    if (greedy) {
      const rest = given.slice(at).join('/');
      if (rest === '') return undefined;
      return { ranks: [...ranks, 0], parameters: { ...parameters, [greedy[1]!]: rest } };
    }
    const name = /^\{(.+)\}$/.exec(part)?.[1];
    const value = given[at];
    if (value === undefined || (name ? value === '' : value !== part)) return undefined;
    if (name) parameters[name] = value;
    ranks.push(name ? 1 : 2);
  }
  return wanted.length === given.length ? { ranks, parameters } : undefined;
}

/** Negative when `a` is the better match. */
function compare(a: readonly number[], b: readonly number[]): number {
  for (let at = 0; at < Math.max(a.length, b.length); at++) {
    const difference = (b[at] ?? -1) - (a[at] ?? -1);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Finds the route of `method` and decoded `path`. */
export function matchRoute<R extends { readonly key: string }>(
  routes: readonly R[],
  method: string,
  path: string,
): Match<R> | undefined {
  const fitting = routes.flatMap((route) => {
    const [verb, pattern] = route.key.split(' ');
    if (pattern === undefined || (verb !== 'ANY' && verb !== method)) return [];
    const segments = align(pattern, path);
    return segments ? [{ route, any: verb === 'ANY', ...segments }] : [];
  });
  const [best] = fitting.sort((a, b) => compare(a.ranks, b.ranks) || Number(a.any) - Number(b.any));
  if (best) return { route: best.route, parameters: best.parameters };
  const fallback = routes.find(({ key }) => key === '$default');
  return fallback && { route: fallback, parameters: {} };
}
