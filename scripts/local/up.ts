/** Brings the local AWS up as `npm start` and `npm run demo` want it: the product's template, small durations, open registration, our agent as a program. */
import { join } from 'node:path';
import type { Delays } from '#local/clusters/context.ts';
import { clustersPlugin } from '#local/clusters/plugin.ts';
import { identityPlugin } from '#local/identity/plugin.ts';
import { startCluster } from '#local/kubernetes/cluster.ts';
import { type Runtime, type RuntimeOptions, startRuntime } from '#local/runtime.ts';
import { statesPlugin } from '#local/states/plugin.ts';
import { LOCAL_SWEEP_SECONDS, localParameters } from '#local/timings.ts';
import { synthesize } from './synthesize.ts';

export const ROOT = join(import.meta.dirname, '..', '..');

/** The image that the local template names; the kubelet runs the agent's bundle for it. */
export const AGENT_IMAGE = 'roadstead/agent:local';
/** What takes the place of its entrypoint. */
export const agentCommand = (): string[] => [
  process.execPath,
  '--enable-source-maps',
  join(ROOT, 'dist/agent/main.mjs'),
];

export interface UpOptions {
  readonly port: number;
  readonly state: string;
  readonly fresh: boolean;
  /** What is going on, a line at a time. */
  readonly log: (line: string) => void;
  /** A mail that Cognito would have sent. */
  readonly onMail: (to: string, code: string) => void;
  readonly parameters?: Readonly<Record<string, string>>;
  /** How long EKS takes. */
  readonly delays?: Partial<Delays>;
  readonly more?: Partial<RuntimeOptions>;
}

/** Synthesizes where needed and starts. Throws errors that a person can act on. */
export const up = async ({
  port,
  state,
  fresh,
  log,
  onMail,
  parameters,
  delays,
  more,
}: UpOptions): Promise<Runtime> => {
  const { cdkOut, fresh: made } = await synthesize(ROOT);
  log(made ? 'The CDK app was synthesized to cdk.out' : 'cdk.out is up to date');
  return startRuntime({
    cdkOut,
    stateDir: state,
    port,
    fresh,
    parameters: {
      ...localParameters(),
      Registration: 'open',
      SharingTeams: '*',
      AgentImage: AGENT_IMAGE,
      ...parameters,
    },
    plugins: [
      statesPlugin,
      identityPlugin(({ to, code }) => onMail(to, code)),
      clustersPlugin({
        startCluster,
        images: {
          [AGENT_IMAGE]: { command: agentCommand() },
        },
        ...(delays && { delays }),
      }),
    ],
    sweepSeconds: LOCAL_SWEEP_SECONDS,
    log,
    ...more,
  });
};

/** Ends the process when a person or a supervisor says so: once gently, a second time at once. */
export const untilSignal = (stop: () => Promise<void>): Promise<void> =>
  new Promise((resolve) => {
    let asked = false;
    const end = () => {
      if (asked) process.exit(130);
      asked = true;
      console.log('\nStopping; press Ctrl-C again to end at once.');
      stop().then(resolve, (error) => {
        console.error(error);
        process.exitCode = 1;
        resolve();
      });
    };
    process.on('SIGINT', end);
    process.on('SIGTERM', end);
  });
