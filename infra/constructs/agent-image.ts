/** Which image agents run: a published one, or the one that is built at deploy (DESIGN §4 agent image). */
import { Annotations, CfnCondition, type CfnParameter, Fn, IgnoreMode } from 'aws-cdk-lib';
import { DockerImageAsset, Platform } from 'aws-cdk-lib/aws-ecr-assets';
import { Construct } from 'constructs';

/** What an image is built from at deploy. */
export interface AgentSources {
  /** Folder that holds `agent/image/Dockerfile` and what it copies. */
  readonly folder: string;
  /** The release that the agent says it is of. */
  readonly version: string;
  /**
   * What the recipe starts from, each by digest: `REPOSITORY@sha256:…`.
   * @default the recipe's own, by tag: the same sources may make another image tomorrow, and the deploy warns of it
   */
  readonly buildImage?: string | undefined;
  readonly runImage?: string | undefined;
}

export interface AgentImageProps {
  /** Empty: the built one. */
  readonly parameter: CfnParameter;
  /** @default none is built: the parameter must name one */
  readonly sources?: AgentSources;
}

const RECIPE = 'agent/image/Dockerfile';
/** What the recipe copies: the rest of the folder must not make another image. */
const USED = ['package.json', 'package-lock.json', 'tsconfig.json', 'core/contract', 'core/domain', 'agent'];

/** The recipe's arguments. Throws for a base image that is not named by its digest. */
const argumentsOf = ({ version, buildImage, runImage }: AgentSources): Record<string, string> => {
  const given: Record<string, string> = { VERSION: version };
  for (const [argument, context, image] of [
    ['BUILD_IMAGE', 'agentBuildImage', buildImage],
    ['RUN_IMAGE', 'agentRunImage', runImage],
  ] as const) {
    if (image === undefined) continue;
    if (!/^\S+@sha256:[0-9a-f]{64}$/.test(image))
      throw new Error(`the context ${context} is "${image}"; it must name a digest: REPOSITORY@sha256:<64 hex digits>`);
    given[argument] = image;
  }
  return given;
};

/** The image's reference, as pods name it. */
export class AgentImage extends Construct {
  readonly reference: string;
  /** `true` when clusters that are not ours can pull it. */
  readonly published: string;

  constructor(scope: Construct, id: string, { parameter, sources }: AgentImageProps) {
    super(scope, id);
    if (sources === undefined) {
      this.reference = parameter.valueAsString;
      this.published = 'true';
      return;
    }
    if (sources.buildImage === undefined || sources.runImage === undefined)
      Annotations.of(this).addWarningV2(
        'roadstead:agentBaseImages',
        "the agent's image is built from images that are named by a tag; pin both with --context agentBuildImage=… --context agentRunImage=… (README)",
      );
    // Our nodes are amd64, whatever the machine that deploys is (aws.md 24).
    const asset = new DockerImageAsset(this, 'Asset', {
      directory: sources.folder,
      file: RECIPE,
      buildArgs: argumentsOf(sources),
      platform: Platform.LINUX_AMD64,
      exclude: ['*', ...USED.map((path) => `!${path}`)],
      ignoreMode: IgnoreMode.DOCKER,
    });
    const given = new CfnCondition(this, 'Given', { expression: Fn.conditionNot(Fn.conditionEquals(parameter, '')) });
    this.reference = Fn.conditionIf(given.logicalId, parameter.valueAsString, asset.imageUri).toString();
    this.published = Fn.conditionIf(given.logicalId, 'true', 'false').toString();
  }
}
