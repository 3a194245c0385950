import { expect, it } from 'vitest';
import { callsOfOperations } from '#scripts/bench/calls.ts';

it('every operation makes the AWS calls that are written here: a change of the bill shows in review', async () => {
  expect(await callsOfOperations()).toMatchInlineSnapshot(`
    {
      "create": {
        "ClusterCreateAwaitAgent": {
          "dynamodb:GetItem": 3,
          "dynamodb:PutItem": 1,
          "dynamodb:TransactWriteItems": 1,
        },
        "ClusterCreateEnsureCluster": {
          "dynamodb:GetItem": 3,
          "dynamodb:TransactWriteItems": 1,
          "eks:CreateCluster": 1,
        },
        "ClusterCreateEnsureCompute": {
          "dynamodb:GetItem": 3,
          "dynamodb:TransactWriteItems": 1,
          "eks:DescribeCluster": 1,
          "sts:AssumeRole": 1,
        },
        "ClusterCreateGrantAccess": {
          "dynamodb:GetItem": 3,
          "dynamodb:TransactWriteItems": 1,
          "eks:AssociateAccessPolicy": 4,
          "eks:CreateAccessEntry": 4,
        },
        "ClusterCreateInstallAgent": {
          "dynamodb:GetItem": 5,
          "dynamodb:Query": 1,
          "dynamodb:TransactWriteItems": 2,
          "eks:DescribeCluster": 1,
          "sts:AssumeRole": 1,
        },
        "ClusterCreateObserveCluster": {
          "dynamodb:GetItem": 3,
          "dynamodb:TransactWriteItems": 1,
          "eks:DescribeCluster": 1,
        },
        "ClusterCreateRecordSuccess": {
          "dynamodb:GetItem": 5,
          "dynamodb:TransactWriteItems": 1,
        },
        "HttpClusters": {
          "dynamodb:BatchGetItem": 1,
          "dynamodb:GetItem": 2,
          "dynamodb:TransactWriteItems": 1,
        },
        "SocketHandler hello": {
          "dynamodb:BatchGetItem": 1,
          "dynamodb:GetItem": 10,
          "dynamodb:Query": 1,
          "dynamodb:TransactWriteItems": 2,
        },
        "StreamEffects": {
          "dynamodb:DeleteItem": 1,
          "dynamodb:GetItem": 5,
          "states:SendTaskSuccess": 1,
          "states:StartExecution": 1,
        },
      },
      "delete": {
        "ClusterDeleteDeleteCluster": {
          "dynamodb:GetItem": 3,
          "dynamodb:TransactWriteItems": 1,
          "eks:DeleteCluster": 1,
          "eks:DescribeCluster": 1,
          "eks:ListNodegroups": 1,
        },
        "ClusterDeleteDrain": {
          "dynamodb:GetItem": 5,
          "dynamodb:PutItem": 1,
          "dynamodb:TransactWriteItems": 2,
        },
        "ClusterDeleteObserveDeleted": {
          "dynamodb:GetItem": 3,
          "dynamodb:TransactWriteItems": 1,
          "eks:DescribeCluster": 1,
        },
        "ClusterDeleteRecordSuccess": {
          "dynamodb:GetItem": 5,
          "dynamodb:Query": 1,
          "dynamodb:TransactWriteItems": 1,
        },
        "ClusterDeleteStopOlder": {
          "dynamodb:GetItem": 4,
          "dynamodb:TransactWriteItems": 1,
          "states:DescribeExecution": 1,
        },
        "ClusterDeleteSweepLeftovers": {
          "dynamodb:GetItem": 3,
          "dynamodb:TransactWriteItems": 1,
          "ec2:DeleteSecurityGroup": 1,
          "ec2:DeleteVolume": 1,
          "ec2:DescribeNetworkInterfaces": 1,
          "ec2:DescribeSecurityGroups": 1,
          "ec2:DescribeSnapshots": 1,
          "ec2:DescribeVolumes": 1,
        },
        "HttpClusters": {
          "dynamodb:BatchGetItem": 1,
          "dynamodb:GetItem": 5,
          "dynamodb:TransactWriteItems": 1,
        },
        "SocketHandler cluster.drained": {
          "dynamodb:GetItem": 3,
          "dynamodb:TransactWriteItems": 1,
        },
        "StreamEffects": {
          "dynamodb:DeleteItem": 1,
          "dynamodb:GetItem": 5,
          "states:SendTaskSuccess": 1,
          "states:StartExecution": 1,
        },
      },
      "extend, with the push to one watcher": {
        "HttpClusters": {
          "dynamodb:BatchGetItem": 1,
          "dynamodb:GetItem": 5,
          "dynamodb:TransactWriteItems": 1,
        },
        "StreamPush": {
          "dynamodb:Query": 1,
          "execute-api:PostToConnection": 1,
        },
      },
      "get": {
        "HttpClusters": {
          "dynamodb:BatchGetItem": 1,
          "dynamodb:GetItem": 3,
        },
      },
      "heartbeat": {
        "SocketHandler heartbeat": {
          "dynamodb:BatchGetItem": 1,
          "dynamodb:GetItem": 2,
          "dynamodb:Query": 1,
          "dynamodb:UpdateItem": 1,
        },
      },
      "list": {
        "HttpClusters": {
          "dynamodb:BatchGetItem": 2,
          "dynamodb:GetItem": 1,
          "dynamodb:Query": 1,
        },
      },
    }
  `);
});
