/** What whoever deploys may set without a new template: durations, limits, registration, the agent's image, the address for alarms. */
import { CfnParameter } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { type Timing, timings } from '#core/contract/timings.ts';

export interface Parameters {
  /** Seconds, by timing. */
  readonly timings: Readonly<Record<Timing, CfnParameter>>;
  readonly registration: CfnParameter;
  readonly teamClusterLimit: CfnParameter;
  readonly deploymentClusterLimit: CfnParameter;
  readonly deploymentVcpuLimit: CfnParameter;
  readonly teamWorkspaceLimit: CfnParameter;
  readonly teamCpuLimit: CfnParameter;
  readonly teamMemoryLimit: CfnParameter;
  readonly teamStorageLimit: CfnParameter;
  /** Teams whose clusters may take dev pods of other teams: ids by commas, `*` for every team. */
  readonly sharingTeams: CfnParameter;
  /** Empty: the image that this deployment builds. */
  readonly agentImage: CfnParameter;
  /** Empty: nobody is mailed. */
  readonly alarmEmail: CfnParameter;
}

/** Limits as they are when whoever deploys says nothing. */
export const LIMITS = {
  teamClusters: 3,
  deploymentClusters: 10,
  deploymentVcpu: 64,
  teamWorkspaces: 50,
  teamCpu: 64,
  teamMemory: 256,
  teamStorage: 2048,
} as const;

/** The name of a timing's parameter, which is also its name in state machines: `FirstWait` → `FirstWaitSeconds`. */
export const timingParameter = (timing: Timing): string => `${timing}Seconds`;

const limit = (scope: Construct, id: string, value: number, description: string): CfnParameter =>
  new CfnParameter(scope, id, { type: 'Number', default: value, minValue: 0, description });

/** Declares the parameters; `agentImage` is the default of the one with that name. */
export const parametersOf = (scope: Construct, agentImage: string): Parameters => ({
  timings: Object.fromEntries(
    Object.entries(timings).map(([name, { seconds, why }]) => [
      name,
      new CfnParameter(scope, timingParameter(name as Timing), {
        type: 'Number',
        default: seconds,
        minValue: 0,
        description: `seconds: ${why}`,
      }),
    ]),
  ) as Record<Timing, CfnParameter>,
  registration: new CfnParameter(scope, 'Registration', {
    default: 'closed',
    allowedPattern: '^(closed|open|domains:[a-z0-9.,-]+)$',
    constraintDescription: 'closed, open, or domains:example.com,example.org',
    description:
      'who may make an account: closed (invitations only), domains:example.com,…, or open (never on the internet)',
  }),
  teamClusterLimit: limit(scope, 'TeamClusterLimit', LIMITS.teamClusters, 'clusters that one team may have at a time'),
  deploymentClusterLimit: limit(
    scope,
    'DeploymentClusterLimit',
    LIMITS.deploymentClusters,
    'clusters of all teams at a time',
  ),
  deploymentVcpuLimit: limit(
    scope,
    'DeploymentVcpuLimit',
    LIMITS.deploymentVcpu,
    'vCPU of all workers of all clusters at a time',
  ),
  teamWorkspaceLimit: limit(scope, 'TeamWorkspaceLimit', LIMITS.teamWorkspaces, 'dev pods that one team may have'),
  teamCpuLimit: limit(scope, 'TeamCpuLimit', LIMITS.teamCpu, "vCPU that one team's running dev pods may ask for"),
  teamMemoryLimit: limit(
    scope,
    'TeamMemoryLimit',
    LIMITS.teamMemory,
    "GiB that one team's running dev pods may ask for",
  ),
  teamStorageLimit: limit(scope, 'TeamStorageLimit', LIMITS.teamStorage, "GiB of all volumes of one team's dev pods"),
  sharingTeams: new CfnParameter(scope, 'SharingTeams', {
    default: '',
    allowedPattern: '^(\\*|(team_[0-9a-z]{26}(,team_[0-9a-z]{26})*)?)$',
    constraintDescription: 'ids of teams separated by commas, * for every team, or nothing',
    description:
      "teams whose clusters may take dev pods of every team (isolation=shared): whoever administers such a cluster can read those pods' secrets",
  }),
  agentImage: new CfnParameter(scope, 'AgentImage', {
    default: agentImage,
    description:
      "the agent's image, by digest; empty: the one that this deployment builds, which only its own EKS clusters can pull",
  }),
  alarmEmail: new CfnParameter(scope, 'AlarmEmail', {
    default: '',
    description: 'address that alarms are mailed to; empty: nobody',
  }),
});
