/** The manifest that installs the agent, as people are handed it. */
import { FIELD_MANAGER, manifestText, renderAgentManifest } from '#core/domain/agent-manifest.ts';
import { isConnected } from '#core/domain/cluster-origin.ts';
import type { ClusterState } from '#core/domain/cluster-state.ts';

/** What a manifest names of the deployment. */
export interface InstallSettings {
  readonly socketUrl: string;
  readonly apiUrl: string;
  readonly agentImage: string;
  /** Release of the agent that the manifest installs. */
  readonly agentVersion: string;
}

/**
 * The manifest comes on standard input, so that the token in it stands in no argument list and no file. Applied by the name that the
 * bootstrap applies by: on a cluster that was made here, another manager's values would conflict with it.
 */
export const INSTALL_COMMAND = `jq -r .manifest | kubectl apply --server-side --field-manager=${FIELD_MANAGER} -f -`;

/** One document for `kubectl apply -f -`; it holds the install token. */
export const installManifest = (settings: InstallSettings, cluster: ClusterState, installToken: string): string =>
  manifestText(
    renderAgentManifest({
      image: settings.agentImage,
      socketUrl: settings.socketUrl,
      apiUrl: settings.apiUrl,
      installToken,
      clusterId: cluster.id,
      // Only a cluster that was made for us may be emptied by us.
      drain: !isConnected(cluster),
      workspaces: cluster.takesWorkspaces,
      version: settings.agentVersion,
    }),
  );
