/** The end of an EKS cluster: node groups, then the cluster; looked at until EKS knows nothing of it (DESIGN §4 EKS; aws.md 15). */
import { DeleteClusterCommand, DeleteNodegroupCommand, ListNodegroupsCommand } from '@aws-sdk/client-eks';
import type { Provider, Removal } from '../provider.ts';
import { type EksParts, isNamed, lookUp } from './parts.ts';

/** Asks for the end of every node group; answers whether there was one. */
const removeNodeGroups = async ({ eks }: EksParts, clusterName: string): Promise<boolean> => {
  const { nodegroups = [] } = await eks.send(new ListNodegroupsCommand({ clusterName }));
  for (const nodegroupName of nodegroups) {
    try {
      await eks.send(new DeleteNodegroupCommand({ clusterName, nodegroupName }));
    } catch (error) {
      // It is going already, or is gone by now.
      if (!isNamed(error, 'ResourceInUseException', 'ResourceNotFoundException')) throw error;
    }
  }
  return nodegroups.length > 0;
};

export const removalOf = (parts: EksParts): Pick<Provider, 'remove' | 'observeGone'> => ({
  remove: async (name): Promise<Removal> => {
    const found = await lookUp(parts, name);
    if (found === null) return 'gone';
    if (found.status === 'DELETING') return 'going';
    try {
      if (await removeNodeGroups(parts, name)) return 'blocked';
      await parts.eks.send(new DeleteClusterCommand({ name }));
      return 'going';
    } catch (error) {
      if (isNamed(error, 'ResourceNotFoundException')) return 'gone';
      // It is still being made, or an update is under way (aws-cdk#18683).
      if (isNamed(error, 'ResourceInUseException')) return 'blocked';
      throw error;
    }
  },

  observeGone: async (name): Promise<Removal> => {
    const found = await lookUp(parts, name);
    if (found === null) return 'gone';
    return found.status === 'DELETING' ? 'going' : 'blocked';
  },
});
