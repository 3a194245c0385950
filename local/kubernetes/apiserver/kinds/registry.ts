/** All kinds that the server has now: the built-in ones and those that CustomResourceDefinitions add. */
import { apiVersionOf, type Kind } from './kind.ts';

export class Registry {
  readonly #kinds = new Map<string, Kind>();
  /** Counts every change, so that derived documents know when they are stale. */
  revision = 0;

  static #key = (group: string, version: string, resource: string) => `${group}/${version}/${resource}`;

  add(kind: Kind): void {
    this.#kinds.set(Registry.#key(kind.group, kind.version, kind.resource), kind);
    this.revision++;
  }

  remove(kind: Kind): void {
    this.#kinds.delete(Registry.#key(kind.group, kind.version, kind.resource));
    this.revision++;
  }

  find(group: string, version: string, resource: string): Kind | undefined {
    return this.#kinds.get(Registry.#key(group, version, resource));
  }

  byKind(apiVersion: string, kind: string): Kind | undefined {
    return this.all().find((one) => one.kind === kind && apiVersionOf(one) === apiVersion);
  }

  all(): Kind[] {
    return [...this.#kinds.values()];
  }

  /** The versions of a group, those with stored kinds of most importance first; undefined for an unknown group. */
  versionsOf(group: string): string[] | undefined {
    const versions = [
      ...new Set(
        this.all()
          .filter((kind) => kind.group === group)
          .map(({ version }) => version),
      ),
    ];
    return versions.length === 0 ? undefined : versions.sort(compareVersions);
  }

  /** Whether only definitions make this group: then nobody answers for versions that it does not have. */
  isCustom(group: string): boolean {
    return !this.all().some((kind) => kind.group === group && !kind.custom);
  }

  groups(): string[] {
    return [...new Set(this.all().map(({ group }) => group))];
  }
}

/** GA before beta before alpha, higher numbers first (Kubernetes' version priority). */
export function compareVersions(a: string, b: string): number {
  const rank = (version: string): [number, number, number] => {
    const match = /^v(\d+)(?:(alpha|beta)(\d+))?$/.exec(version);
    if (!match) return [3, 0, 0];
    return [match[2] === 'alpha' ? 2 : match[2] === 'beta' ? 1 : 0, -Number(match[1]), -Number(match[3] ?? 0)];
  };
  const [x, y] = [rank(a), rank(b)];
  return x[0] - y[0] || x[1] - y[1] || x[2] - y[2] || (a < b ? -1 : a > b ? 1 : 0);
}
