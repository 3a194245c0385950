/** Regular expressions in CEL: find, findAll, matches. */
import type { Environment } from '@marcbachmann/cel-js';
import { re2 } from '../../re2.ts';
import { CelError } from '../error.ts';

function compiled(pattern: string): RegExp {
  try {
    return re2(pattern);
  } catch (error) {
    throw new CelError((error as Error).message);
  }
}

const all = (text: string, pattern: string, limit: number): string[] => {
  const source = compiled(pattern);
  const found = [...text.matchAll(new RegExp(source, `${source.flags}g`))].map(([match]) => match);
  return limit < 0 ? found : found.slice(0, limit);
};

export const registerRegex = (environment: Environment): Environment =>
  environment
    .registerFunction('string.K8s_matches(string): bool', (text: string, pattern: string) =>
      compiled(pattern).test(text),
    )
    .registerFunction('matches(string, string): bool', (text: string, pattern: string) => compiled(pattern).test(text))
    .registerFunction(
      'string.find(string): string',
      (text: string, pattern: string) => compiled(pattern).exec(text)?.[0] ?? '',
    )
    .registerFunction('string.findAll(string): list<string>', (text: string, pattern: string) => all(text, pattern, -1))
    .registerFunction('string.findAll(string, int): list<string>', (text: string, pattern: string, limit: bigint) =>
      all(text, pattern, Number(limit)),
    );
