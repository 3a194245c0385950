/** Who may import whom (docs/adr/0002). Each rule is one sentence of the layout. */
const only = (name, comment, from, to) => ({ name, comment, severity: 'error', from, to });
module.exports = {
  forbidden: [
    only('no-circular', 'a cycle hides who owns what', {}, { circular: true }),
    only(
      'contract-is-pure',
      'contract imports zod and itself',
      { path: '^core/contract' },
      { path: '^(core/(domain|store)|functions|infra|agent|local|scripts|test|state-machines)' },
    ),
    only(
      'domain-is-pure',
      'domain imports contract and itself, no SDK',
      { path: '^core/domain' },
      { path: '^(core/store|functions|infra|agent|local|scripts|test)|node_modules/@(aws-sdk|kubernetes)' },
    ),
    only(
      'store-below-functions',
      'store imports contract and domain',
      { path: '^core/store' },
      { path: '^(functions|infra|agent|local|scripts|test)' },
    ),
    only(
      'functions-import-core',
      'functions import core',
      { path: '^functions' },
      { path: '^(infra|agent|local|scripts|test)' },
    ),
    only(
      'infra-knows-paths-only',
      'infra imports contract and the env schemas of functions',
      { path: '^infra' },
      { path: '^(core/(domain|store)|functions/(?!lib/env)|agent|local|scripts|test)' },
    ),
    only(
      'agent-imports-contract',
      'the agent imports contract, the rendering of seats (pure) and itself',
      { path: '^agent' },
      { path: '^(core/(domain/(?!seat/|kubernetes-object)|store)|functions|infra|local|scripts|test)' },
    ),
    only(
      'nobody-imports-local',
      'only scripts and tests import local',
      { path: '^(core|functions|infra|agent)' },
      { path: '^local' },
    ),
    only(
      'one-workflow-client',
      'client-sfn only in functions/lib/workflows',
      { path: '^(core|functions|infra|agent)', pathNot: '^functions/lib/workflows' },
      { path: 'node_modules/@aws-sdk/client-sfn' },
    ),
    only(
      'one-connections-client',
      '@connections only in functions/lib/connections',
      { path: '^(core|functions|infra|agent)', pathNot: '^functions/lib/connections' },
      { path: 'node_modules/@aws-sdk/client-apigatewaymanagementapi' },
    ),
    only(
      'connections-used-by-push-and-sweep',
      'posts are made by stream/* and schedule/sweep alone',
      { path: '^functions', pathNot: '^functions/(stream|schedule)' },
      { path: '^functions/lib/connections' },
    ),
    only(
      'workflows-used-by-effects-and-sweep',
      'workflows are started by stream/*, schedule/sweep and stopped by delete tasks',
      { path: '^functions', pathNot: '^functions/(stream|schedule|tasks)' },
      { path: '^functions/lib/workflows' },
    ),
    only(
      'one-document-client',
      'lib-dynamodb only in core/store',
      { path: '^(core|functions|infra|agent)', pathNot: '^core/store' },
      { path: 'node_modules/@aws-sdk/lib-dynamodb' },
    ),
    only(
      'client-node-where-needed',
      '@kubernetes/client-node only where a cluster is called',
      { path: '^(core|functions|infra|local)', pathNot: '^(functions/tasks|local/kubernetes/(controllers|kubelet))' },
      { path: 'node_modules/@kubernetes/client-node' },
    ),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    exclude: { path: 'cdk\\.out|coverage|dist' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
      extensions: ['.ts', '.js', '.json'],
    },
  },
};
