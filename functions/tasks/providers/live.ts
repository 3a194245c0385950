/** The providers of this deployment, made from a function's environment. */
import { EKSClient } from '@aws-sdk/client-eks';
import { STSClient } from '@aws-sdk/client-sts';
import { EXISTING } from '#core/domain/cluster-origin.ts';
import { fips } from '../../lib/fips.ts';
import { eksProvider } from './eks/eks.ts';
import { existingProvider } from './existing/existing.ts';
import type { Providers } from './provider.ts';

/** Of these a function has the ones that its task needs. */
export interface ProviderEnvironment {
  readonly DEPLOYMENT_ID: string;
  readonly CLUSTER_ACCESS_ROLE_ARN?: string;
  readonly CLUSTER_ROLE_ARN?: string;
  readonly NODE_ROLE_ARN?: string;
  readonly MANAGED_NODE_ROLE_ARN?: string;
  readonly VOLUME_DRIVER_ROLE_ARN?: string;
  readonly SUBNET_IDS?: string;
  readonly VIEWER_ROLE_ARN?: string;
  readonly EDITOR_ROLE_ARN?: string;
  readonly ADMIN_ROLE_ARN?: string;
}

/** `runtime` is Lambda's own part of the environment: region and, where AWS is not at AWS, its address. */
export const liveProviders = (
  env: ProviderEnvironment,
  runtime: Readonly<Record<string, string | undefined>> = process.env,
): Providers =>
  new Map([
    [
      'eks',
      eksProvider({
        eks: new EKSClient(fips('eks')),
        sts: new STSClient(fips('sts')),
        now: () => new Date().toISOString(),
        settings: {
          deploymentId: env.DEPLOYMENT_ID,
          region: runtime.AWS_REGION ?? 'us-east-1',
          stsUrl: runtime.AWS_ENDPOINT_URL,
          accessRoleArn: env.CLUSTER_ACCESS_ROLE_ARN,
          clusterRoleArn: env.CLUSTER_ROLE_ARN,
          nodeRoleArn: env.NODE_ROLE_ARN,
          managedNodeRoleArn: env.MANAGED_NODE_ROLE_ARN,
          volumeDriverRoleArn: env.VOLUME_DRIVER_ROLE_ARN,
          subnetIds: env.SUBNET_IDS?.split(','),
          viewerRoleArn: env.VIEWER_ROLE_ARN,
          editorRoleArn: env.EDITOR_ROLE_ARN,
          adminRoleArn: env.ADMIN_ROLE_ARN,
        },
      }),
    ],
    [EXISTING, existingProvider()],
  ]);
