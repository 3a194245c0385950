/** IAM's wildcards: `*` is any run of characters, `?` one. */
const patterns = new Map<string, RegExp>();

const compiled = (pattern: string, flags: string): RegExp => {
  const key = `${flags}/${pattern}`;
  let found = patterns.get(key);
  if (!found) {
    const source = pattern
      .replace(/[.+^${}()|[\]\\]/g, '\\$&')
      .replaceAll('*', '.*')
      .replaceAll('?', '.');
    found = new RegExp(`^${source}$`, flags);
    patterns.set(key, found);
  }
  return found;
};

/** Whether `value` fits `pattern`; case counts. */
export const matches = (pattern: string, value: string): boolean => compiled(pattern, 's').test(value);

/** As `matches` for action names, in which case does not count. */
export const matchesAction = (pattern: string, action: string): boolean => compiled(pattern, 'is').test(action);

/** ARNs are compared part by part: a wildcard does not reach over a colon, but in the last part. */
export function matchesArn(pattern: string, value: string): boolean {
  const parts = (arn: string): string[] => {
    const all = arn.split(':');
    return [...all.slice(0, 5), all.slice(5).join(':')];
  };
  const [wanted, given] = [parts(pattern), parts(value)];
  return pattern === '*' || wanted.every((one, at) => matches(one, given[at]!));
}
