/** Which image agents run: a published one, or the one that is built at deploy (DESIGN §4 agent image). */
import { CfnCondition, type CfnParameter, Fn } from 'aws-cdk-lib';
import { DockerImageAsset, Platform } from 'aws-cdk-lib/aws-ecr-assets';
import { Construct } from 'constructs';

export interface AgentImageProps {
  /** Empty: the built one. */
  readonly parameter: CfnParameter;
  /**
   * Folder with the image's recipe and the agent's bundle, for an image built at deploy.
   * @default none is built: the parameter must name one
   */
  readonly recipe?: string;
}

/** The image's reference, as pods name it. */
export class AgentImage extends Construct {
  readonly reference: string;

  constructor(scope: Construct, id: string, { parameter, recipe }: AgentImageProps) {
    super(scope, id);
    if (recipe === undefined) {
      this.reference = parameter.valueAsString;
      return;
    }
    // Our nodes are amd64, whatever the machine that deploys is (aws.md 24).
    const asset = new DockerImageAsset(this, 'Asset', { directory: recipe, platform: Platform.LINUX_AMD64 });
    const given = new CfnCondition(this, 'Given', { expression: Fn.conditionNot(Fn.conditionEquals(parameter, '')) });
    this.reference = Fn.conditionIf(given.logicalId, parameter.valueAsString, asset.imageUri).toString();
  }
}
