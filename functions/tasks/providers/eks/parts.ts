/** What the parts of the EKS provider share: clients, settings, and how a cluster is looked up. */

import { type Cluster, DescribeClusterCommand, type EKSClient } from '@aws-sdk/client-eks';
import type { STSClient } from '@aws-sdk/client-sts';
import { Permanent } from '../../../lib/task-error.ts';

/** Settings of the deployment; each function has those that its tasks need. */
export interface EksSettings {
  readonly deploymentId: string;
  readonly region: string;
  /** Where STS is, when not at AWS. */
  readonly stsUrl?: string | undefined;
  readonly clusterRoleArn?: string | undefined;
  /** Of Auto Mode's nodes. */
  readonly nodeRoleArn?: string | undefined;
  /** Of the nodes of a managed node group, which need more. */
  readonly managedNodeRoleArn?: string | undefined;
  /** What makes volumes for the nodes of a managed node group. */
  readonly volumeDriverRoleArn?: string | undefined;
  readonly subnetIds?: readonly string[] | undefined;
  readonly accessRoleArn?: string | undefined;
  readonly viewerRoleArn?: string | undefined;
  readonly editorRoleArn?: string | undefined;
  readonly adminRoleArn?: string | undefined;
}

export interface EksParts {
  readonly eks: Pick<EKSClient, 'send'>;
  readonly sts: Pick<STSClient, 'send'>;
  readonly settings: EksSettings;
  readonly now: () => string;
}

/** Tags that say whose a cluster is (seed-systems §4.1 H1.5: a deployment touches only its own). */
export const DEPLOYMENT_TAG = 'roadstead:deployment';
export const CLUSTER_TAG = 'roadstead:cluster';
/** Which operation something was made for. */
export const OPERATION_TAG = 'roadstead:operation';

/** The tag with a cluster's name on what AWS makes for it, by which what outlives it is found. */
export const AWS_CLUSTER_TAG = 'eks:eks-cluster-name';

/** A setting that this function must have been deployed with. */
export const needed = <K extends keyof EksSettings>(settings: EksSettings, name: K): NonNullable<EksSettings[K]> => {
  const value = settings[name];
  if (value === undefined)
    throw new Permanent(
      'provider.misconfigured',
      `the function was deployed without ${name}, which provider eks needs here`,
    );
  return value;
};

/** True when the SDK's error has this name. */
export const isNamed = (error: unknown, ...names: readonly string[]): boolean =>
  error instanceof Error && names.includes(error.name);

/** The cluster as EKS has it; null when it is not there. */
export const lookUp = async ({ eks }: Pick<EksParts, 'eks'>, name: string): Promise<Cluster | null> => {
  try {
    return (await eks.send(new DescribeClusterCommand({ name }))).cluster ?? null;
  } catch (error) {
    if (isNamed(error, 'ResourceNotFoundException')) return null;
    throw error;
  }
};
