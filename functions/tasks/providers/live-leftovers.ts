/** What removes leftovers in this deployment: apart from the providers for the size of EC2's client. */
import { EC2Client } from '@aws-sdk/client-ec2';
import { fips } from '../../lib/fips.ts';
import { eksLeftovers } from './eks/leftovers.ts';
import type { Leftovers } from './provider.ts';

export const liveLeftovers = (): Leftovers => new Map([['eks', eksLeftovers(new EC2Client(fips('ec2')))]]);
