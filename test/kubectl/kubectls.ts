/** The kubectls of this machine that are tried: 1.31 and later, since those speak WebSockets unasked. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, realpathSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';

export interface Kubectl {
  path: string;
  /** `v1.33.2` */
  version: string;
}

/** Also those with a version in their name: `kubectl1.33`, `kubectl-v1.34`, `kubectl.1.35`. */
const NAME = /^kubectl([.-]?v?\d+(\.\d+)*)?$/;

const inFolder = (folder: string): string[] =>
  existsSync(folder)
    ? readdirSync(folder)
        .filter((name) => NAME.test(name))
        .map((name) => join(folder, name))
    : [];

function versionOf(path: string): Kubectl[] {
  const { clientVersion } = JSON.parse(
    execFileSync(path, ['version', '--client', '-o', 'json'], { encoding: 'utf8' }),
  ) as { clientVersion: { major: string; minor: string; gitVersion: string } };
  return Number(clientVersion.major) > 1 || Number.parseInt(clientVersion.minor, 10) >= 31
    ? [{ path, version: clientVersion.gitVersion }]
    : [];
}

/** Each program once. `everywhere`: not only those on PATH, but those beside what a link there leads to, and in the folder KUBECTLS. */
export function findKubectls({ everywhere = false } = {}): Kubectl[] {
  const own = process.env.KUBECTLS;
  if (own && !existsSync(own))
    throw new Error(`KUBECTLS=${own}: there is no such folder; name one that holds kubectls`);
  const onPath = (process.env.PATH ?? '').split(delimiter).flatMap(inFolder);
  const more = everywhere
    ? [...new Set([...onPath.map((path) => dirname(realpathSync(path))), own ?? ''])].flatMap(inFolder)
    : [];
  return [...new Map([...onPath, ...more].map((path) => [realpathSync(path), path])).values()].flatMap(versionOf);
}
