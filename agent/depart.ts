/** The cluster's time with us ends: its dev pods are stopped and it is emptied, or, where it goes on without us, it is left clean (DESIGN §4; issue "existing"). */
import { remainsWith } from '#core/domain/seat/remains.ts';
import type { Clock } from './clock.ts';
import { type Drained, drainCluster, mayDrain } from './drain.ts';
import type { Kubernetes } from './kubernetes/client.ts';
import type { Link } from './link.ts';
import type { Log } from './log.ts';
import type { SeatsHandle } from './seats/handle.ts';
import { leaveNamespaces } from './seats/leave.ts';

export interface DepartOptions {
  readonly kubernetes: Kubernetes;
  readonly seats: SeatsHandle;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** What the contract takes in one `cluster.left`. */
const OBJECTS = 256;

/** Takes a cluster that goes on living without us out of our hands. */
const leave = async (link: Link, { kubernetes, seats, clock, log, signal }: DepartOptions): Promise<Drained> => {
  // Nothing may be made again while it is taken away.
  await seats.end();
  const { emptied, theirs, claims, remaining } = await leaveNamespaces({
    kubernetes,
    deploymentId: link.ack.deploymentId,
    clock,
    signal,
  });
  await seats.forget();
  if (theirs.length > 0)
    log('warn', 'namespaces that hold Workspaces of the cluster’s admin were left alone', { theirs });
  const all = remainsWith(emptied, theirs.length > 0);
  const objects = all.slice(0, OBJECTS);
  if (all.length > OBJECTS)
    log('warn', `${all.length - OBJECTS} emptied namespaces are not listed`, { namespaces: all.slice(OBJECTS) });
  await link.ask('cluster.left', { objects });
  // None of ours is a load balancer.
  return { services: 0, ingresses: 0, claims, remaining };
};

/** Answers what the control plane waits to hear. Throws KubernetesError or LinkError. */
export const departCluster = async (link: Link, options: DepartOptions): Promise<Drained> => {
  const { kubernetes, seats, clock, log, signal } = options;
  if (!(await mayDrain(kubernetes, signal))) return leave(link, options);
  await seats.stopAll();
  // Claims that are taken away must not be made anew.
  await seats.end();
  return drainCluster(kubernetes, clock, log, signal);
};
