/** The hosts of AWS that a template names in values (issuer, callback, socket URL), and the local URLs that take their place. */

/** Rewrites resolved values; later additions count for later values. */
export interface Hosts {
  /** Everything that starts with `prefix` (scheme and host, perhaps a path) starts with `url` instead. */
  add(prefix: string, url: string): void;
  rewrite(value: string): string;
  /** Rewrites the environment of a function; throws where a value still names a host of AWS. */
  environment(functionName: string, variables: Readonly<Record<string, unknown>>): Record<string, string>;
}

export function createHosts(): Hosts {
  const rules: { readonly prefix: string; readonly url: string }[] = [];
  const rewrite = (value: string): string =>
    rules.reduce((text, { prefix, url }) => text.replaceAll(prefix, () => url), value);
  return {
    rewrite,
    add(prefix, url) {
      rules.push({ prefix, url });
      // The longest first: a stage of a host before the host.
      rules.sort((a, b) => b.prefix.length - a.prefix.length);
    },
    environment: (functionName, variables) =>
      Object.fromEntries(
        Object.entries(variables).map(([name, value]) => {
          const local = rewrite(String(value));
          if (local.includes('amazonaws.com'))
            throw new Error(
              `${functionName}: the environment variable ${name} names a host of AWS that nothing here stands for: ${local}. ` +
                'Add the host in local/hosts.ts or in the `hosts` of a plugin',
            );
          return [name, local];
        }),
      ),
  };
}
