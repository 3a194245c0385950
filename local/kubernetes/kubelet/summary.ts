/** The kubelet's summary of what its pods use, in the shape of `/stats/summary`. */
import type { Meta } from '../controllers/machinery/types.ts';
import type { PodAccess } from './pod-access.ts';
import type { Stats } from './stats.ts';

export interface SummaryPod {
  metadata: Pick<Meta, 'name' | 'namespace' | 'uid'>;
  access: PodAccess;
}

export async function summary(pods: readonly SummaryPod[], stats: Stats) {
  const all = await Promise.all(
    pods.map(async ({ metadata, access }) => ({ metadata, targets: await access.statsTargets() })),
  );
  const usage = await stats.usage(all.flatMap(({ targets }) => targets));
  const time = new Date().toISOString();
  return {
    pods: all
      .filter(({ targets }) => targets.length > 0)
      .map(({ metadata: { name, namespace, uid }, targets }) => ({
        podRef: { name, namespace, uid },
        containers: targets.map(({ name: container, key }) => ({
          name: container,
          cpu: { time, usageNanoCores: Math.round(usage.get(key)?.nanoCores ?? 0) },
          memory: { time, workingSetBytes: usage.get(key)?.bytes ?? 0 },
        })),
      })),
  };
}
