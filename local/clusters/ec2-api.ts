/** EC2, as far as the sweep of leftovers needs it: describe by tag, and delete. */
import { randomUUID } from 'node:crypto';
import { ACCOUNT, type ApiReply, type AwsApi, AwsError, REGION } from '#local/types.ts';
import { listOf, parseQuery, type Xml, xml } from './query.ts';
import type { LeftoverRecord, Store } from './store.ts';

const NAMESPACE = 'http://ec2.amazonaws.com/doc/2016-11-15/';

interface Kind {
  readonly kind: LeftoverRecord['kind'];
  readonly describe: string;
  readonly delete: string;
  readonly idField: string;
  readonly idList: string;
  readonly set: string;
  readonly notFound: string;
  shown(it: LeftoverRecord): { readonly [name: string]: Xml };
}

const at = (it: LeftoverRecord): string => new Date(it.createdAt).toISOString();

const kinds: readonly Kind[] = [
  {
    kind: 'volume',
    describe: 'DescribeVolumes',
    delete: 'DeleteVolume',
    idField: 'VolumeId',
    idList: 'VolumeId',
    set: 'volumeSet',
    notFound: 'InvalidVolume.NotFound',
    shown: (it) => ({
      volumeId: it.id,
      size: 10,
      status: 'available',
      createTime: at(it),
      availabilityZone: `${REGION}a`,
      volumeType: 'gp3',
      encrypted: true,
    }),
  },
  {
    kind: 'snapshot',
    describe: 'DescribeSnapshots',
    delete: 'DeleteSnapshot',
    idField: 'SnapshotId',
    idList: 'SnapshotId',
    set: 'snapshotSet',
    notFound: 'InvalidSnapshot.NotFound',
    shown: (it) => ({ snapshotId: it.id, status: 'completed', startTime: at(it), ownerId: ACCOUNT, volumeSize: 10 }),
  },
  {
    kind: 'security-group',
    describe: 'DescribeSecurityGroups',
    delete: 'DeleteSecurityGroup',
    idField: 'GroupId',
    idList: 'GroupId',
    set: 'securityGroupInfo',
    notFound: 'InvalidGroup.NotFound',
    shown: (it) => ({
      groupId: it.id,
      groupName: it.tags.Name ?? it.id,
      groupDescription: 'EKS',
      ownerId: ACCOUNT,
      vpcId: 'vpc-0000000000000local',
    }),
  },
  {
    kind: 'network-interface',
    describe: 'DescribeNetworkInterfaces',
    delete: 'DeleteNetworkInterface',
    idField: 'NetworkInterfaceId',
    idList: 'NetworkInterfaceId',
    set: 'networkInterfaceSet',
    notFound: 'InvalidNetworkInterfaceID.NotFound',
    shown: (it) => ({
      networkInterfaceId: it.id,
      status: 'available',
      ownerId: ACCOUNT,
      availabilityZone: `${REGION}a`,
    }),
  },
];

const KNOWN = kinds.flatMap((it) => [it.describe, it.delete]);
const kindOf = (operation: string): Kind => kinds.find((it) => it.describe === operation || it.delete === operation)!;

/** Whether a resource passes every `Filter.N`; only filters by tag are known here. */
function passes(it: LeftoverRecord, input: Readonly<Record<string, string>>): boolean {
  for (let n = 1; input[`Filter.${n}.Name`] !== undefined; n++) {
    const name = input[`Filter.${n}.Name`]!;
    const values = listOf(input, `Filter.${n}.Value`);
    const allowed = (value: string | undefined) => value !== undefined && values.some((one) => glob(one).test(value));
    if (name.startsWith('tag:')) {
      if (!allowed(it.tags[name.slice(4)])) return false;
    } else if (name === 'tag-key') {
      if (!Object.keys(it.tags).some(allowed)) return false;
    } else
      throw new AwsError(
        'InvalidParameterValue',
        `The filter '${name}' is not supported here, only tag:KEY and tag-key`,
      );
  }
  return true;
}

const glob = (pattern: string): RegExp =>
  new RegExp(
    `^${pattern
      .replace(/[.+^${}()|[\]\\]/g, '\\$&')
      .replaceAll('*', '.*')
      .replaceAll('?', '.')}$`,
    's',
  );

const reply = (status: number, body: string): ApiReply => ({
  status,
  headers: { 'content-type': 'text/xml;charset=UTF-8' },
  body,
});

/** The API over what deleted clusters left. */
export function ec2Api({ leftovers }: Store): AwsApi {
  const answer = (operation: string, result: { readonly [name: string]: Xml }): ApiReply =>
    reply(
      200,
      `<${operation}Response xmlns="${NAMESPACE}">${xml({ requestId: randomUUID(), ...result })}</${operation}Response>`,
    );
  return {
    service: 'ec2',
    denied: { code: 'UnauthorizedOperation', status: 403 },
    conditionKeys: ['aws:ResourceTag/*', 'ec2:ResourceTag/*'],
    parse(request) {
      const call = parseQuery(request);
      if (!KNOWN.includes(call.operation))
        throw new AwsError('InvalidAction', `EC2 here answers ${KNOWN.join(', ')}; given: "${call.operation}"`);
      return call;
    },
    checks({ operation, input }) {
      const it = kindOf(operation);
      if (operation === it.describe) return [{ action: `ec2:${operation}`, resource: '*' }];
      const id = String(input[it.idField]);
      const tags = Object.entries(leftovers.get(id)?.tags ?? {});
      const owner = it.kind === 'snapshot' ? '' : ACCOUNT;
      return [
        {
          action: `ec2:${operation}`,
          resource: `arn:aws:ec2:${REGION}:${owner}:${it.kind}/${id}`,
          context: Object.fromEntries(
            tags.flatMap(([key, value]) => [
              [`aws:ResourceTag/${key}`, value],
              [`ec2:ResourceTag/${key}`, value],
            ]),
          ),
        },
      ];
    },
    async run({ operation, input }) {
      const kind = kindOf(operation);
      const fields = input as Record<string, string>;
      if (operation === kind.describe) {
        const ids = listOf(fields, kind.idList);
        const found = leftovers
          .list()
          .filter((it) => it.kind === kind.kind && (ids.length === 0 || ids.includes(it.id)) && passes(it, fields));
        for (const id of ids)
          if (!leftovers.get(id)) throw new AwsError(kind.notFound, `The ${kind.kind} '${id}' does not exist`);
        const items = found.map((it) => ({
          ...kind.shown(it),
          tagSet: Object.entries(it.tags).map(([key, value]) => ({ key, value })),
        }));
        return answer(operation, { [kind.set]: items });
      }
      const id = fields[kind.idField] ?? '';
      if (leftovers.get(id)?.kind !== kind.kind)
        throw new AwsError(kind.notFound, `The ${kind.kind} '${id}' does not exist`);
      leftovers.remove(id);
      return answer(operation, { return: true });
    },
    fail: (error) =>
      reply(
        error.status,
        `<Response>${xml({ Errors: { Error: { Code: error.code, Message: error.message } }, RequestID: randomUUID() })}</Response>`,
      ),
  };
}
