/** Dev pods for tests, as values: a spec, the command that asks for one, what an agent says of it and of its nodes. */
import type { ClusterInfo } from '#core/contract/cluster.ts';
import type { SeatSpec, SeatStatus } from '#core/contract/seat.ts';
import { HOME_VOLUME } from '#core/contract/template.ts';
import type { WorkspaceCommand } from '#core/domain/workspace-command.ts';
import { SEAT_LIMITS, SEAT_TIMINGS } from './world.ts';

export const ROOMY = { cpuMillis: 1_000_000, memoryMiB: 4_000_000, gpus: 8, pods: 1000 } as const;

/** A seat's spec with everything filled in: 500m and 2Gi requested, one home of 10Gi. */
export const seatSpec = (change: Partial<SeatSpec> = {}): SeatSpec => ({
  origin: 'ControlPlane',
  owner: `acc_${'0'.repeat(26)}`,
  runState: 'Running',
  restarts: 0,
  idleTimeoutSeconds: 3600,
  template: { name: 'node', version: '1' },
  image: 'ghcr.io/roadstead/node:1',
  profile: 'default',
  resources: { requests: { cpu: '500m', memory: '2Gi' }, limits: { cpu: '2', memory: '4Gi' }, gpus: 0 },
  volumes: [HOME_VOLUME],
  parameters: {},
  secrets: [],
  git: {},
  ...change,
});

type Create = Extract<WorkspaceCommand, { type: 'create' }>;

export const seatCreate = (change: Partial<Create> = {}): Create => ({
  type: 'create',
  actor: 'account:ada',
  account: 'ada',
  team: `team_${'0'.repeat(26)}`,
  name: 'ada',
  cluster: `clu_${'0'.repeat(26)}`,
  capacity: ROOMY,
  spec: seatSpec(),
  labels: {},
  secretChoice: { environment: [], personal: true },
  limits: SEAT_LIMITS,
  timings: SEAT_TIMINGS,
  ...change,
});

/** What an agent says of a seat that is as it should be. */
export const seatStatus = (change: Partial<SeatStatus> = {}): SeatStatus => ({
  phase: 'Running',
  observedRevision: 1,
  observedGeneration: 1,
  uid: 'uid-1',
  podUid: 'pod-1',
  node: 'node-1',
  conditions: [{ type: 'Ready', status: 'True', reason: 'Running', message: 'It runs.' }],
  ...change,
});

/** Two nodes of 4 CPU and 16 GiB, with a little of the system's own on them. */
export const clusterInfo = (change: Partial<ClusterInfo> = {}): ClusterInfo => ({
  nodes: 2,
  readyNodes: 2,
  allocatable: { cpuMillis: 8000, memoryMiB: 32_768, gpus: 0, pods: 200 },
  requested: { cpuMillis: 500, memoryMiB: 512, gpus: 0, pods: 10 },
  seats: { cpuMillis: 0, memoryMiB: 0, gpus: 0, pods: 0 },
  largestNode: { cpuMillis: 4000, memoryMiB: 16_384, gpus: 0, pods: 100 },
  storageClass: true,
  networkPolicyEnforced: 'true',
  ...change,
});

/** A cluster that tests do not fill. */
export const LARGE = clusterInfo({ allocatable: { cpuMillis: 64_000, memoryMiB: 262_144, gpus: 0, pods: 400 } });
