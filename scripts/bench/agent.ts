/** The agent of a running cluster: resident memory, and CPU time while nothing happens. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Bench } from './bench.ts';
import { cpuMs, processesIn, residentMiB } from './processes.ts';
import { readyCluster } from './product.ts';
import { figureRow } from './row.ts';

export const agent: Bench = {
  name: 'agent',
  async run(context) {
    const product = await context.product();
    const session = await product.person();
    const { id } = await readyCluster(session, 'agent');
    const [pid] = processesIn(product.state, 'dist/agent/main');
    if (pid === undefined) throw new Error('no process of an agent was found');
    await sleep(5000);
    const [began, used] = [performance.now(), cpuMs(pid)];
    await sleep(context.quick ? 2000 : 10_000);
    const seconds = (performance.now() - began) / 1000;
    const perSecond = (cpuMs(pid) - used) / seconds;
    const memory = residentMiB(pid);
    await session.call('DELETE', `/api/v1/clusters/${id}`);
    return [
      figureRow('agent: resident memory', memory, 'MiB', {
        most: 100,
        note: 'one node, its own pod; no workspaces yet',
      }),
      figureRow('agent: CPU while nothing happens', perSecond / 10, '%', {
        note: `of one core, over ${seconds.toFixed(0)} s, a heartbeat each 5 s (in the cloud: each 5 min)`,
      }),
    ];
  },
};
