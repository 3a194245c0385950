/** AWS::CloudFront::Distribution: its host stands for the port for people, which serves what the distribution would. */
import { stableId } from '#local/template/without-effect.ts';
import type { ResourceHandler } from '#local/types.ts';
import type { World } from './world.ts';

export const cloudfrontDistribution = ({ hosts, stackName, url }: World): ResourceHandler => ({
  type: 'AWS::CloudFront::Distribution',
  create({ logicalId }) {
    const name = stableId(`${stackName}/${logicalId}`, 13);
    const host = `d${name}.cloudfront.net`;
    hosts.add(`https://${host}`, url);
    return { ref: `E${name.toUpperCase()}`, attributes: { Id: `E${name.toUpperCase()}`, DomainName: host } };
  },
});
