/**
 * FIPS endpoints, client by client (DESIGN §4 secrets): where the deployment asks for them and the service has one in the region. Never for all at
 * once by AWS_USE_FIPS_ENDPOINT: a client with an address of its own (@connections, everything on one's own machine) refuses to be made with it.
 */

/** Regions in which a service has a FIPS endpoint, by what they begin with (botocore's endpoints.json, 2025). None has one in China. */
const REGIONS = {
  'cognito-idp': ['us-'],
  dynamodb: ['us-', 'ca-'],
  ec2: ['us-', 'ca-'],
  eks: ['us-'],
  kms: ['us-', 'ca-', 'mx-', 'sa-', 'eu-', 'af-', 'ap-', 'il-', 'me-'],
  states: ['us-', 'ca-'],
  sts: ['us-'],
} as const;

export type FipsService = keyof typeof REGIONS;

/** What a client of the service is made with, in a function's own environment. */
export const fips = (
  service: FipsService,
  env: Readonly<Record<string, string | undefined>> = process.env,
): { readonly useFipsEndpoint?: true } => {
  const region = env.AWS_REGION ?? '';
  const wanted = env.FIPS === 'true' && env.AWS_ENDPOINT_URL === undefined;
  return wanted && REGIONS[service].some((start) => region.startsWith(start)) ? { useFipsEndpoint: true } : {};
};
