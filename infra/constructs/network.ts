/** The network that EKS clusters are made in: public subnets and no NAT gateway, which would be paid for while nobody works. */
import { CfnResource, RemovalPolicy, Tags } from 'aws-cdk-lib';
import { type CfnVPC, IpAddresses, SubnetType, Vpc } from 'aws-cdk-lib/aws-ec2';
import { Construct } from 'constructs';
import { accept } from '../nag.ts';

export interface NetworkProps {
  /**
   * Names of availability zones, two or more, since EKS refuses some.
   * @default the first two of the region
   */
  readonly zones?: readonly string[];
}

/** A VPC with one public subnet of 16,384 addresses in each zone; all of it stays when the stack goes. */
export class Network extends Construct {
  readonly subnetIds: readonly string[];

  constructor(scope: Construct, id: string, { zones }: NetworkProps = {}) {
    super(scope, id);
    if (zones !== undefined && (zones.length < 2 || zones.length > 4))
      throw new Error(
        `got ${zones.length} zones (${zones.join(', ')}); EKS needs 2 and the network has room for 4: pass --context azs=us-east-1a,us-east-1b`,
      );
    const vpc = new Vpc(this, 'Vpc', {
      ipAddresses: IpAddresses.cidr('10.64.0.0/16'),
      ...(zones === undefined ? { maxAzs: 2 } : { availabilityZones: [...zones] }),
      natGateways: 0,
      subnetConfiguration: [{ name: 'Public', subnetType: SubnetType.PUBLIC, cidrMask: 18, mapPublicIpOnLaunch: true }],
      enableDnsHostnames: true,
      enableDnsSupport: true,
      // The custom resource that would do it is nothing that this template may hold; nothing uses the default group.
      restrictDefaultSecurityGroup: false,
    });
    for (const subnet of vpc.publicSubnets) Tags.of(subnet).add('kubernetes.io/role/elb', '1');
    // Clusters that are still there keep its interfaces, and half a VPC helps nobody.
    for (const each of vpc.node.findAll())
      if (CfnResource.isCfnResource(each)) each.applyRemovalPolicy(RemovalPolicy.RETAIN);
    this.subnetIds = vpc.publicSubnets.map((subnet) => subnet.subnetId);
    accept(vpc.node.defaultChild as CfnVPC, {
      'AwsSolutions-VPC7': 'flow logs are paid for by the gigabyte and outside the idle bill (DESIGN §4)',
    });
  }
}
