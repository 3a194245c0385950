/** AWS::KMS::Key and AWS::KMS::Alias: symmetric keys with their policies. */
import type { ResourceHandler } from '#local/types.ts';
import { refuseOthers, type World } from './world.ts';

const WITHOUT_EFFECT = [
  'Description',
  'EnableKeyRotation',
  'PendingWindowInDays',
  'RotationPeriodInDays',
  'Tags',
  'Enabled',
];

export const kmsKey = ({ keys, iam, stackName }: World): ResourceHandler => ({
  type: 'AWS::KMS::Key',
  create(resource) {
    refuseOthers(resource, ['KeyPolicy', 'KeySpec', 'KeyUsage'], WITHOUT_EFFECT);
    const { logicalId, properties: it } = resource;
    if ((it.KeySpec ?? 'SYMMETRIC_DEFAULT') !== 'SYMMETRIC_DEFAULT')
      throw new Error(`${logicalId}: only symmetric keys exist here, given ${it.KeySpec}`);
    const key = keys.ensure(`${stackName}/${logicalId}`);
    iam.setResourcePolicy(key.arn, it.KeyPolicy, `policy of key ${logicalId}`);
    return { ref: key.id, attributes: { Arn: key.arn, KeyId: key.id } };
  },
});

export const kmsAlias = ({ keys }: World): ResourceHandler => ({
  type: 'AWS::KMS::Alias',
  create(resource) {
    refuseOthers(resource, ['AliasName', 'TargetKeyId']);
    keys.alias(resource.properties.AliasName, resource.properties.TargetKeyId);
    return { ref: resource.properties.AliasName };
  },
});
