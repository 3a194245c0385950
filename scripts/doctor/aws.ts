/** Is this AWS account and region fit for a deployment? What would otherwise fail in the middle of one, or in a first cluster. */
import { type Finding, judge } from './finding.ts';

export interface Zone {
  readonly name: string;
  readonly id: string;
}

/** What the checks ask AWS. */
export interface Account {
  readonly region: string;
  /** Availability zones that are open, in the order that CloudFormation lists them. */
  readonly zones: () => Promise<readonly Zone[]>;
  /** The applied value of a quota, by service and quota code. */
  readonly quota: (service: string, code: string) => Promise<number>;
  /** Version of the CDK bootstrap stack, or nothing where there is none. */
  readonly bootstrapVersion: () => Promise<number | undefined>;
  readonly hasRole: (name: string) => Promise<boolean>;
}

export interface Wanted {
  /** Zones that will be passed to the deploy. */
  readonly zones: readonly string[] | undefined;
  /** vCPU that the deployment's limit lets clusters have. */
  readonly vcpu: number;
}

/** EKS makes no control plane here (EKS user guide, network requirements). */
export const REFUSED_BY_EKS: readonly string[] = ['use1-az3', 'usw1-az2', 'cac1-az3'];
/** Below it two stream consumers and a sweeper starve the API (aws.md 21). */
const CONCURRENCY = 100;
/** What the asset bucket's and image's permissions need. */
const BOOTSTRAP = 6;

const QUOTAS = {
  concurrency: ['lambda', 'L-B99A9384'],
  /** Running on-demand standard instances (A, C, D, H, I, M, R, T, Z). */
  vcpu: ['ec2', 'L-1216C47A'],
} as const;

const zonesFinding = (all: readonly Zone[], wanted: readonly string[] | undefined): Finding => {
  const good = all.filter(({ id }) => !REFUSED_BY_EKS.includes(id)).map(({ name }) => name);
  // Without explicit zones the stack takes the first two of the region.
  const used = wanted ?? all.slice(0, 2).map(({ name }) => name);
  const bad = used.filter((name) => !good.includes(name));
  const idOf = (name: string): string => all.find((zone) => zone.name === name)?.id ?? 'not in this region';
  return judge(
    'zones',
    used.map((name) => `${name} (${idOf(name)})`).join(', '),
    used.length >= 2 && bad.length === 0,
    good.length < 2
      ? 'choose another region: EKS needs two zones'
      : `EKS takes other zones: deploy with --context azs=${good.slice(0, 2).join(',')}`,
  );
};

/** All checks of the account. A call that is refused is a finding too. */
export const checkAccount = async (account: Account, wanted: Wanted): Promise<Finding[]> => {
  const asked = async (what: string, check: () => Promise<Finding>): Promise<Finding> => {
    try {
      return await check();
    } catch (error) {
      const { name, message } = error as Error;
      return {
        what,
        found: `could not ask: ${name}: ${message}`,
        level: 'fail',
        todo: 'sign in (aws sso login, or AWS_PROFILE) with a role that may read this',
      };
    }
  };
  const role = (name: string, service: string) =>
    asked(service, async () => {
      const there = await account.hasRole(name);
      return judge(
        service,
        there ? 'service-linked role is there' : 'no service-linked role yet',
        there,
        'nothing: the first cluster makes it, which takes some seconds more',
        'warn',
      );
    });
  return Promise.all([
    asked('zones', async () => zonesFinding(await account.zones(), wanted.zones)),
    asked('Lambda', async () => {
      const found = await account.quota(...QUOTAS.concurrency);
      return judge(
        'Lambda',
        `${found} at once`,
        found >= CONCURRENCY,
        `ask for ${CONCURRENCY} or more: Service Quotas, AWS Lambda, Concurrent executions (${QUOTAS.concurrency[1]})`,
      );
    }),
    asked('vCPU', async () => {
      const found = await account.quota(...QUOTAS.vcpu);
      return judge(
        'vCPU',
        `${found} on demand`,
        found >= wanted.vcpu,
        `ask for ${wanted.vcpu} (${QUOTAS.vcpu[1]}), or deploy with --parameters DeploymentVcpuLimit=${found}: nodes stay Pending otherwise`,
        'warn',
      );
    }),
    asked('bootstrap', async () => {
      const found = await account.bootstrapVersion();
      return judge(
        'bootstrap',
        found === undefined ? 'none' : `version ${found}`,
        (found ?? 0) >= BOOTSTRAP,
        `run \`npx cdk bootstrap\` for ${account.region}`,
      );
    }),
    role('AWSServiceRoleForAmazonEKS', 'EKS'),
    role('AWSServiceRoleForAmazonEKSNodegroup', 'EKS node groups'),
  ]);
};
