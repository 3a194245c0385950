/** Which image agents run: a published one, or the one that is built at deploy (DESIGN §4 agent image). */
import { CfnCondition, type CfnParameter, Fn, IgnoreMode } from 'aws-cdk-lib';
import { DockerImageAsset, Platform } from 'aws-cdk-lib/aws-ecr-assets';
import { Construct } from 'constructs';

export interface AgentImageProps {
  /** Empty: the built one. */
  readonly parameter: CfnParameter;
  /**
   * Folder that holds `agent/image/Dockerfile` and what it builds from, for an image built at deploy.
   * @default none is built: the parameter must name one
   */
  readonly sources?: string;
}

const RECIPE = 'agent/image/Dockerfile';
/** What the recipe copies: the rest of the folder must not make another image. */
const USED = ['package.json', 'package-lock.json', 'tsconfig.json', 'core/contract', 'core/domain', 'agent'];

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
    // Our nodes are amd64, whatever the machine that deploys is (aws.md 24).
    const asset = new DockerImageAsset(this, 'Asset', {
      directory: sources,
      file: RECIPE,
      platform: Platform.LINUX_AMD64,
      exclude: ['*', ...USED.map((path) => `!${path}`)],
      ignoreMode: IgnoreMode.DOCKER,
    });
    const given = new CfnCondition(this, 'Given', { expression: Fn.conditionNot(Fn.conditionEquals(parameter, '')) });
    this.reference = Fn.conditionIf(given.logicalId, parameter.valueAsString, asset.imageUri).toString();
    this.published = Fn.conditionIf(given.logicalId, 'true', 'false').toString();
  }
}
