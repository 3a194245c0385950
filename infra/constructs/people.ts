/** Who may sign in: a Cognito user pool in which only our API makes users (DESIGN §4 identity). */
import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import {
  AccountRecovery,
  ClientAttributes,
  FeaturePlan,
  Mfa,
  UserPool,
  type UserPoolClient,
} from 'aws-cdk-lib/aws-cognito';
import { Construct } from 'constructs';
import type { Grant } from '../grant.ts';
import { accept } from '../nag.ts';

/** The user pool and its one public client. */
export class People extends Construct {
  readonly pool: UserPool;
  readonly client: UserPoolClient;
  /** `iss` of its access tokens. */
  readonly issuer: string;
  /** Where the keys are that sign them. */
  readonly jwksUri: string;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    this.pool = new UserPool(this, 'Pool', {
      // The client's id is public: with self-sign-up anybody could make users past our API (aws.md 1).
      selfSignUpEnabled: false,
      // The username is the account's id, which our API chooses; addresses are unique in the table.
      signInAliases: { username: true },
      signInCaseSensitive: false,
      autoVerify: { email: true },
      // Not required: every client may write what is required, and who holds an access token could then have the codes of forgotten
      // passwords mailed to another address. Our API gives each user one; an administrator may correct it.
      standardAttributes: { email: { required: false, mutable: true } },
      passwordPolicy: {
        minLength: 12,
        requireLowercase: true,
        requireUppercase: true,
        requireDigits: true,
        requireSymbols: false,
        tempPasswordValidity: Duration.days(7),
      },
      accountRecovery: AccountRecovery.EMAIL_ONLY,
      mfa: Mfa.OFF,
      featurePlan: FeaturePlan.ESSENTIALS,
      userInvitation: {
        emailSubject: 'Your Roadstead account',
        emailBody:
          'An account was made for this address ({username}).<br><br>Your code is: <code>{####}</code><br><br>It is good for 7 days: confirm the account with it and a password of your own.',
      },
      deletionProtection: true,
      removalPolicy: RemovalPolicy.RETAIN,
    });
    this.client = this.pool.addClient('Client', {
      generateSecret: false,
      authFlows: { userPassword: true },
      disableOAuth: true,
      accessTokenValidity: Duration.minutes(15),
      idTokenValidity: Duration.minutes(15),
      refreshTokenValidity: Duration.days(30),
      enableTokenRevocation: true,
      // One that nothing reads: a client that names none may write them all.
      writeAttributes: new ClientAttributes().withStandardAttributes({ locale: true }),
      preventUserExistenceErrors: true,
    });
    this.client.applyRemovalPolicy(RemovalPolicy.RETAIN);
    this.issuer = this.pool.userPoolProviderUrl;
    this.jwksUri = `${this.issuer}/.well-known/jwks.json`;

    accept(this.pool, {
      'AwsSolutions-COG1':
        'length 12 with three kinds of characters; asking for a symbol makes passwords worse, not better (NIST SP 800-63B)',
      'AwsSolutions-COG2':
        'a second factor is the federated identity provider’s; the password flow of command-line clients cannot ask for one',
      'AwsSolutions-COG3':
        'threat protection needs the Plus plan, which is paid for each user: outside the idle bill (DESIGN §4)',
      'AwsSolutions-COG8': 'the Plus plan is paid for each user: outside the idle bill (DESIGN §4)',
    });
  }

  /** Making users, setting their passwords, ending all their refresh tokens. Signing in is unsigned. */
  administer(): Grant {
    return {
      sid: 'AdministerPeople',
      actions: [
        'cognito-idp:AdminCreateUser',
        'cognito-idp:AdminSetUserPassword',
        'cognito-idp:AdminUserGlobalSignOut',
      ],
      resources: [this.pool.userPoolArn],
    };
  }
}
