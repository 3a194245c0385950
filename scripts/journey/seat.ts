/** The life of one dev pod on a cluster: what it costs, a file that survives a stop and a start, and its end. */
import type * as z from 'zod';
import type { WorkspaceChanged } from '#core/contract/socket.ts';
import type { Estimate, Workspace } from '#core/contract/workspace.ts';
import type { Session, Watch } from './client.ts';
import { openKubectl } from './kubectl.ts';

export interface SeatOptions {
  /** Where it is put. */
  readonly cluster: string;
  /** Seconds that each of its changes may take. */
  readonly patience: number;
  readonly say: (step: string, result: string) => void;
  readonly show: (text: string) => void;
}

const money = (dollars: number): string => `$${dollars.toFixed(4)}`;

/** Runs it. Throws at the first thing that is not as it should be. */
export const seatLife = async (session: Session, watching: Watch, options: SeatOptions): Promise<void> => {
  const { cluster, patience, say, show } = options;
  const name = `pod-${Date.now().toString(36)}`;
  const wanted = { name, template: { name: 'claude-terraform' }, placement: { cluster } };

  const { cost } = await session.call<z.output<typeof Estimate>>('POST', '/api/v1/workspaces/estimate', wanted);
  say(
    'Estimate',
    `a dev pod would cost ${money(cost.runningUsdPerHour)} an hour, ${money(cost.stoppedUsdPerHour)} while it is stopped`,
  );

  const made = await session.call<Workspace>('POST', '/api/v1/workspaces', wanted);
  const path = `/api/v1/workspaces/${made.id}`;
  let seen = 0;
  /** The next push of this pod in one of the phases; a failure ends the journey with its reason. */
  const until = async (phase: WorkspaceChanged['phase']): Promise<WorkspaceChanged> => {
    const push = await watching.untilSeat(
      `${name} ${phase}`,
      (each) => each.id === made.id && each.version > seen && (each.phase === phase || each.phase === 'Failed'),
      patience,
    );
    seen = push.version;
    if (push.phase !== phase)
      throw new Error(`the dev pod failed: ${JSON.stringify((await session.call<Workspace>('GET', path)).error)}`);
    return push;
  };
  const begun = Date.now();
  await until('Running');
  say('Dev pod', `${name} (${made.id}) runs, ${((Date.now() - begun) / 1000).toFixed(1)} s after it was asked for`);

  const note = `written ${new Date().toISOString()}`;
  const shell = async (script: string): Promise<string> => {
    const kubectl = await openKubectl(await session.call<string>('GET', `${path}/kubeconfig`));
    try {
      return (await kubectl.exec(made, ['sh', '-c', script])).trim();
    } finally {
      kubectl.close();
    }
  };
  show(await shell('id; ls -d /workspace /commandhistory /home/node/.claude'));
  await shell(`echo '${note}' > /workspace/note; echo '${note}' > /home/node/.claude/note`);
  say('Exec', 'wrote a file to /workspace and one to /home/node/.claude, with a credential for this pod alone');

  await session.call('POST', `${path}/stop`);
  await until('Stopped');
  await session.call('POST', `${path}/start`);
  await until('Running');
  const read = await shell('cat /workspace/note /home/node/.claude/note');
  if (read !== `${note}\n${note}`) throw new Error(`the files did not survive: ${read}`);
  say('Stop, start', 'both files are as they were left');

  const { cost: so } = await session.call<Workspace>('GET', path);
  say('Cost', `${money(so.accruedUsd ?? 0)} until now, for ${so.runningSeconds ?? 0} s of running`);

  await session.call('DELETE', `${path}?volumes=DeleteVolumes`);
  await until('Deleted');
  say('Delete', 'the dev pod is gone, with its volumes');
};
