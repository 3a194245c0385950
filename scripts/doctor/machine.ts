/** Is this machine fit to run Roadstead locally? */
import { type Finding, judge } from './finding.ts';

/** What the checks ask the machine. */
export interface Machine {
  readonly nodeVersion: string;
  /** Everything that a command prints, or nothing where it cannot be run. */
  readonly run: (command: string, ...args: readonly string[]) => Promise<string | undefined>;
  readonly isPortFree: (port: number) => Promise<boolean>;
  readonly freeBytes: () => Promise<number>;
}

const GB = 1024 ** 3;
const NEEDED = { node: 24, java: 17, kubectl: 31, disk: 2 * GB } as const;

/** `openjdk version "17.0.9"` → 17; `java version "1.8.0"` → 8. */
const javaMajor = (printed: string | undefined): number | undefined => {
  const [, first, second] = /version "(\d+)(?:\.(\d+))?/.exec(printed ?? '') ?? [];
  return first === undefined ? undefined : Number(first === '1' ? second : first);
};

/** All checks of the machine; `port` is the one that people open. */
export const checkMachine = async (machine: Machine, port: number): Promise<Finding[]> => {
  const java = javaMajor(await machine.run('java', '-version'));
  const kubectl = /"gitVersion":\s*"v1\.(\d+)[^"]*"/.exec(
    (await machine.run('kubectl', 'version', '--client', '-o', 'json')) ?? '',
  );
  const free = await machine.freeBytes();
  return [
    judge(
      'Node',
      machine.nodeVersion,
      Number(/^v(\d+)/.exec(machine.nodeVersion)?.[1]) >= NEEDED.node,
      'run it by `npm run doctor`: `npm ci` brings Node 24 into node_modules',
    ),
    judge(
      'Java',
      java === undefined ? 'none' : String(java),
      (java ?? 0) >= NEEDED.java,
      'install a Java runtime, 17 or newer: DynamoDB Local needs it (e.g. apt-get install openjdk-17-jre-headless)',
    ),
    judge(
      `port ${port}`,
      (await machine.isPortFree(port)) ? 'free' : 'taken',
      await machine.isPortFree(port),
      'end what listens there, or start with `npm start -- --port 7171`',
    ),
    judge(
      'kubectl',
      kubectl === null ? 'none' : `1.${kubectl[1]}`,
      kubectl !== null && Number(kubectl[1]) >= NEEDED.kubectl,
      'install kubectl 1.31 or newer to try the kubeconfig; nothing else needs it',
      'warn',
    ),
    judge(
      'disk',
      `${(free / GB).toFixed(1)} GB free`,
      free >= NEEDED.disk,
      'make room: clusters keep their state and bundles under this folder (2 GB)',
    ),
  ];
};
