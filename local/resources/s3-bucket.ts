/** AWS::S3::Bucket and AWS::S3::BucketPolicy: a folder of objects, and who is refused. */
import { bucketName } from '#local/s3/store.ts';
import { REGION, type ResourceHandler } from '#local/types.ts';
import { refuseOthers, type World } from './world.ts';

const WITHOUT_EFFECT = [
  'BucketEncryption',
  'LifecycleConfiguration',
  'OwnershipControls',
  'PublicAccessBlockConfiguration',
  'VersioningConfiguration',
  'LoggingConfiguration',
  'Tags',
  'AccessControl',
];

export const s3Bucket = ({ objects, stackName }: World): ResourceHandler => ({
  type: 'AWS::S3::Bucket',
  create(resource) {
    refuseOthers(resource, ['BucketName'], WITHOUT_EFFECT);
    const name: string = resource.properties.BucketName ?? bucketName(stackName, resource.logicalId);
    objects.addBucket(name);
    return {
      ref: name,
      attributes: {
        Arn: `arn:aws:s3:::${name}`,
        DomainName: `${name}.s3.amazonaws.com`,
        RegionalDomainName: `${name}.s3.${REGION}.amazonaws.com`,
      },
    };
  },
});

export const s3BucketPolicy = ({ iam }: World): ResourceHandler => ({
  type: 'AWS::S3::BucketPolicy',
  create(resource) {
    refuseOthers(resource, ['Bucket', 'PolicyDocument']);
    const { Bucket, PolicyDocument } = resource.properties;
    iam.setResourcePolicy(`arn:aws:s3:::${Bucket}`, PolicyDocument, resource.logicalId);
    return { ref: resource.logicalId };
  },
});
