/** The one list of CloudFormation types that are known and do nothing on this machine: they only lend their names to others. */
import { createHash } from 'node:crypto';
import { ACCOUNT, type Physical, REGION } from '#local/types.ts';

/** An id of the length AWS gives, the same at every start. */
export const stableId = (of: string, length: number): string =>
  createHash('sha256').update(of).digest('hex').slice(0, length);

type Names = (name: string, logicalId: string) => Physical;

const named: Names = (ref) => ({ ref });
const arn =
  (service: string, kind = ''): Names =>
  (name) => {
    const it = `arn:aws:${service}:${REGION}:${ACCOUNT}:${kind}${name}`;
    return { ref: it, attributes: { Arn: it, Name: name, TopicArn: it, TopicName: name } };
  };
const nameWithArn =
  (service: string, kind: string): Names =>
  (ref) => ({ ref, attributes: { Arn: `arn:aws:${service}:${REGION}:${ACCOUNT}:${kind}${ref}` } });
const ec2 =
  (prefix: string, attributes: (id: string) => Record<string, unknown> = () => ({})): Names =>
  (name) => {
    const id = `${prefix}-${stableId(name, 17)}`;
    return { ref: id, attributes: { Id: id, ...attributes(id) } };
  };

const types: Readonly<Record<string, Names>> = {
  'AWS::CDK::Metadata': named,
  'AWS::Budgets::Budget': named,
  'AWS::CloudWatch::Alarm': nameWithArn('cloudwatch', 'alarm:'),
  'AWS::CloudWatch::CompositeAlarm': nameWithArn('cloudwatch', 'alarm:'),
  'AWS::CloudWatch::Dashboard': named,
  'AWS::Logs::LogGroup': (ref) => ({
    ref,
    attributes: { Arn: `arn:aws:logs:${REGION}:${ACCOUNT}:log-group:${ref}:*` },
  }),
  'AWS::Logs::MetricFilter': named,
  'AWS::SNS::Topic': arn('sns'),
  'AWS::SNS::TopicPolicy': named,
  'AWS::SNS::Subscription': arn('sns'),
  'AWS::EC2::VPC': ec2('vpc', (id) => ({
    VpcId: id,
    CidrBlock: '10.0.0.0/16',
    DefaultSecurityGroup: `sg-${stableId(id, 17)}`,
    DefaultNetworkAcl: `acl-${stableId(id, 17)}`,
  })),
  'AWS::EC2::Subnet': ec2('subnet', (id) => ({ SubnetId: id, AvailabilityZone: `${REGION}a` })),
  'AWS::EC2::RouteTable': ec2('rtb', (id) => ({ RouteTableId: id })),
  'AWS::EC2::Route': named,
  'AWS::EC2::SubnetRouteTableAssociation': ec2('rtbassoc'),
  'AWS::EC2::InternetGateway': ec2('igw', (id) => ({ InternetGatewayId: id })),
  'AWS::EC2::VPCGatewayAttachment': named,
  'AWS::EC2::SecurityGroup': ec2('sg', (id) => ({ GroupId: id })),
  'AWS::EC2::VPCEndpoint': ec2('vpce'),
  'AWS::CloudFront::Function': (name) => {
    const it = `arn:aws:cloudfront::${ACCOUNT}:function/${name}`;
    return { ref: it, attributes: { FunctionARN: it, 'FunctionMetadata.FunctionARN': it } };
  },
  'AWS::CloudFront::OriginAccessControl': (name) => ({
    ref: stableId(name, 14),
    attributes: { Id: stableId(name, 14) },
  }),
  'AWS::CloudFront::ResponseHeadersPolicy': (name) => ({
    ref: stableId(name, 32),
    attributes: { Id: stableId(name, 32) },
  }),
  'AWS::CloudFront::CachePolicy': (name) => ({ ref: stableId(name, 32), attributes: { Id: stableId(name, 32) } }),
  'AWS::CloudFront::OriginRequestPolicy': (name) => ({
    ref: stableId(name, 32),
    attributes: { Id: stableId(name, 32) },
  }),
};

/** The names of a resource of a type on the list; nothing for a type that is not on it. */
export function withoutEffect(type: string, logicalId: string, physicalName: string): Physical | undefined {
  return Object.hasOwn(types, type) ? types[type]!(physicalName, logicalId) : undefined;
}

/** Whether the type is on the list. */
export const isWithoutEffect = (type: string): boolean => Object.hasOwn(types, type);
