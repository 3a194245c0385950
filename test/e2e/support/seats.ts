/** Dev pods as people use them: over the API, and with kubectl and the credential of a seat. */
import { execFile } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Workspace } from '#core/contract/workspace.ts';
import type { Session } from '#scripts/journey/client.ts';
import { until } from './product.ts';

const run = promisify(execFile);

export interface Kubectl {
  (...args: readonly string[]): Promise<string>;
  /** Arguments that every call begins with. */
  readonly base: readonly string[];
}

/** kubectl with one kubeconfig; rejects with what it said. */
export const kubectlWith = (kubeconfig: string): Kubectl => {
  const base = ['--kubeconfig', kubeconfig];
  const call = async (...args: readonly string[]): Promise<string> =>
    (
      await run('kubectl', [...base, ...args], {
        timeout: 60_000,
        env: { PATH: process.env.PATH, HOME: tmpdir() },
      })
    ).stdout;
  return Object.assign(call, { base });
};

export const getSeat = (session: Session, id: string): Promise<Workspace> =>
  session.call<Workspace>('GET', `/api/v1/workspaces/${id}`);

/** Reads the dev pod until it is in the phase; a failure on the way says why. */
export const untilSeat = (session: Session, id: string, phase: Workspace['phase'], seconds = 90): Promise<Workspace> =>
  until(
    `${id} ${phase}`,
    async () => {
      const seat = await getSeat(session, id);
      if (seat.phase === 'Failed' && phase !== 'Failed') throw new Error(JSON.stringify(seat.error));
      return seat.phase === phase && seat;
    },
    seconds,
  );

/** A dev pod on a cluster, in the phase asked for. */
export const createSeat = async (
  session: Session,
  name: string,
  cluster: string,
  body: object = {},
  phase: Workspace['phase'] = 'Running',
): Promise<Workspace> => {
  const { id } = await session.call<Workspace>('POST', '/api/v1/workspaces', {
    name,
    placement: { cluster },
    ...body,
  });
  return untilSeat(session, id, phase);
};

/** kubectl with the credential of the person's own seat. */
export const kubectlOf = async (session: Session, { id }: Pick<Workspace, 'id'>): Promise<Kubectl> => {
  const file = join(mkdtempSync(join(tmpdir(), 'roadstead-seat-')), 'kubeconfig');
  const text = await session.call<string>('GET', `/api/v1/workspaces/${id}/kubeconfig`);
  writeFileSync(file, text, { mode: 0o600 });
  return kubectlWith(file);
};

/** What a script in the pod prints. */
export const shell = async (kubectl: Kubectl, { pod }: Pick<Workspace, 'pod'>, script: string): Promise<string> =>
  (await kubectl('exec', pod, '--', 'sh', '-c', script)).trim();
