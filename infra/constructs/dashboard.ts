/** The dashboard: static files behind CloudFront, on the same origin as the HTTP API (DESIGN §4 dashboard). */
import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import {
  AllowedMethods,
  CachePolicy,
  Distribution,
  Function as EdgeFunction,
  FunctionCode,
  FunctionEventType,
  FunctionRuntime,
  HeadersFrameOption,
  HeadersReferrerPolicy,
  HttpVersion,
  OriginProtocolPolicy,
  OriginRequestPolicy,
  PriceClass,
  ResponseHeadersPolicy,
  ViewerProtocolPolicy,
} from 'aws-cdk-lib/aws-cloudfront';
import { HttpOrigin, S3BucketOrigin } from 'aws-cdk-lib/aws-cloudfront-origins';
import { BlockPublicAccess, Bucket, BucketEncryption, type IBucket } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { accept } from '../nag.ts';

export interface DashboardProps {
  /** Host of the HTTP API. */
  readonly apiHost: string;
  /** Host of the socket API, to which the browser goes directly. */
  readonly socketHost: string;
}

/** Paths that the HTTP API answers. */
export const API_PATHS = ['/api/*', '/debug/*', '/docs*'] as const;

/**
 * A path whose last part has no dot is the application's: it gets the page. An error page would also turn the API's 404 into it. The root
 * leads to the page of the API, as the API's own root does, as long as nobody has put a dashboard into the bucket.
 */
export const TO_THE_PAGE = `function handler(event) {
  var request = event.request;
  if (request.uri === '/')
    return { statusCode: 302, statusDescription: 'Found', headers: { location: { value: '/docs' } } };
  if (request.uri.split('/').pop().indexOf('.') < 0) request.uri = '/index.html';
  return request;
}`;

/** Bucket and distribution. Nothing in the template uploads files: there is no dashboard yet, the bucket is the place for one. */
export class Dashboard extends Construct {
  readonly bucket: Bucket;
  readonly distribution: Distribution;
  /** `https://…`, without a slash at the end. */
  readonly url: string;

  constructor(scope: Construct, id: string, { apiHost, socketHost }: DashboardProps) {
    super(scope, id);
    this.bucket = new Bucket(this, 'Bucket', {
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      encryption: BucketEncryption.S3_MANAGED,
      enforceSSL: true,
      // A bucket that is not empty cannot be deleted, and nothing here empties one.
      removalPolicy: RemovalPolicy.RETAIN,
    });
    const headers = new ResponseHeadersPolicy(this, 'Headers', {
      securityHeadersBehavior: {
        contentSecurityPolicy: {
          contentSecurityPolicy: [
            "default-src 'self'",
            `connect-src 'self' wss://${socketHost}`,
            "img-src 'self' data:",
            "style-src 'self' 'unsafe-inline'",
            "object-src 'none'",
            "base-uri 'self'",
            "form-action 'self'",
            "frame-ancestors 'none'",
          ].join('; '),
          override: true,
        },
        contentTypeOptions: { override: true },
        frameOptions: { frameOption: HeadersFrameOption.DENY, override: true },
        referrerPolicy: { referrerPolicy: HeadersReferrerPolicy.NO_REFERRER, override: true },
        strictTransportSecurity: { accessControlMaxAge: Duration.days(365), includeSubdomains: true, override: true },
      },
    });
    const page = new EdgeFunction(this, 'ToThePage', {
      code: FunctionCode.fromInline(TO_THE_PAGE),
      runtime: FunctionRuntime.JS_2_0,
    });
    const api = {
      origin: new HttpOrigin(apiHost, { protocolPolicy: OriginProtocolPolicy.HTTPS_ONLY }),
      viewerProtocolPolicy: ViewerProtocolPolicy.HTTPS_ONLY,
      allowedMethods: AllowedMethods.ALLOW_ALL,
      cachePolicy: CachePolicy.CACHING_DISABLED,
      // With the viewer's own Host the API Gateway answers 403.
      originRequestPolicy: OriginRequestPolicy.ALL_VIEWER_EXCEPT_HOST_HEADER,
    };
    this.distribution = new Distribution(this, 'Distribution', {
      comment: 'Roadstead',
      httpVersion: HttpVersion.HTTP2_AND_3,
      priceClass: PriceClass.PRICE_CLASS_100,
      defaultBehavior: {
        origin: S3BucketOrigin.withOriginAccessControl(this.bucket as IBucket),
        viewerProtocolPolicy: ViewerProtocolPolicy.REDIRECT_TO_HTTPS,
        responseHeadersPolicy: headers,
        functionAssociations: [{ function: page, eventType: FunctionEventType.VIEWER_REQUEST }],
      },
      additionalBehaviors: Object.fromEntries(API_PATHS.map((path) => [path, api])),
    });
    this.url = `https://${this.distribution.distributionDomainName}`;
    const bill = 'paid for while nobody works: outside the idle bill (DESIGN §4)';
    accept(this.bucket, { 'AwsSolutions-S1': 'it holds public files that only CloudFront reads' });
    accept(this.distribution, {
      'AwsSolutions-CFR1': 'a team may sit anywhere; who may enter is decided by signing in',
      'AwsSolutions-CFR2': `a web ACL is ${bill}`,
      'AwsSolutions-CFR3': `an access log is ${bill}; the API keeps its own`,
      'AwsSolutions-CFR4':
        'the distribution has CloudFront’s own certificate, whose lowest TLS version cannot be set; a domain of one’s own brings it',
    });
  }
}
