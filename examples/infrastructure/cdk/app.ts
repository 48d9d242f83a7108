// A layer with graft, shared with an organization, on a function.
import { App, Stack, type StackProps } from 'aws-cdk-lib';
import { Architecture, CfnLayerVersionPermission, Code, Function, LayerVersion, Runtime } from 'aws-cdk-lib/aws-lambda';
import { StringParameter } from 'aws-cdk-lib/aws-ssm';
import type { Construct } from 'constructs';

class Agents extends Stack {
  constructor(scope: Construct, id: string, props: StackProps & { organization?: string }) {
    super(scope, id, props);

    const agents = new LayerVersion(this, 'Agents', {
      layerVersionName: 'agents-arm64',
      // What `graft build --arch arm64 --name agents agents/layer` has made.
      code: Code.fromAsset('../dist/agents-arm64.zip'),
      compatibleArchitectures: [Architecture.ARM_64],
    });
    if (props.organization) {
      new CfnLayerVersionPermission(this, 'AgentsOrganization', {
        layerVersionArn: agents.layerVersionArn,
        action: 'lambda:GetLayerVersion',
        principal: '*',
        organizationId: props.organization,
      });
    }
    // What `make publish` writes too. Another team's stack takes it with
    // LayerVersion.fromLayerVersionArn(this, 'Agents',
    //   StringParameter.valueForStringParameter(this, '/graft/layer/agents/arm64')).
    new StringParameter(this, 'AgentsArn', {
      parameterName: '/graft/layer/agents/arm64',
      stringValue: agents.layerVersionArn,
    });

    new Function(this, 'Function', {
      code: Code.fromAsset('../function'),
      handler: 'app.handler',
      runtime: Runtime.PYTHON_3_13,
      architecture: Architecture.ARM_64,
      layers: [agents],
      environment: { AWS_LAMBDA_EXEC_WRAPPER: '/opt/graft' },
    });
  }
}

const app = new App();
new Agents(app, 'Agents', { organization: app.node.tryGetContext('organization') });
