import { expect, it } from 'vitest';
import { callsOfOperations } from '#scripts/bench/calls.ts';

it('every operation makes the AWS calls that are written here: a change of the bill shows in review', async () => {
  const { operations, life } = await callsOfOperations();
  expect(operations).toMatchInlineSnapshot(`
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
          "eks:DescribeCluster": 1,
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
          "dynamodb:GetItem": 12,
          "dynamodb:Query": 2,
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
          "dynamodb:Query": 2,
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
          "dynamodb:GetItem": 2,
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
      "dev pod: create": {
        "HttpSeatAgent": {
          "dynamodb:GetItem": 3,
          "dynamodb:TransactWriteItems": 1,
          "kms:GenerateDataKey": 1,
        },
        "HttpWorkspaces": {
          "dynamodb:BatchGetItem": 2,
          "dynamodb:GetItem": 1,
          "dynamodb:Query": 4,
          "dynamodb:TransactWriteItems": 1,
        },
        "SeatAwait": {
          "dynamodb:GetItem": 5,
          "dynamodb:PutItem": 1,
          "dynamodb:TransactWriteItems": 1,
        },
        "SeatRecordSuccess": {
          "dynamodb:GetItem": 5,
          "dynamodb:TransactWriteItems": 1,
        },
        "SocketHandler workspace.status Running": {
          "dynamodb:GetItem": 4,
          "dynamodb:TransactWriteItems": 1,
        },
        "SocketHandler workspace.status Starting": {
          "dynamodb:GetItem": 4,
          "dynamodb:TransactWriteItems": 1,
        },
        "StreamEffects": {
          "dynamodb:DeleteItem": 1,
          "dynamodb:GetItem": 8,
          "states:SendTaskSuccess": 1,
          "states:StartExecution": 1,
        },
        "StreamPush": {
          "dynamodb:GetItem": 1,
          "dynamodb:Query": 5,
          "execute-api:PostToConnection": 6,
        },
      },
      "dev pod: delete": {
        "HttpWorkspaces": {
          "dynamodb:BatchGetItem": 2,
          "dynamodb:GetItem": 5,
          "dynamodb:TransactWriteItems": 1,
        },
        "SeatAwait": {
          "dynamodb:GetItem": 5,
          "dynamodb:PutItem": 1,
          "dynamodb:TransactWriteItems": 1,
        },
        "SeatRecordSuccess": {
          "dynamodb:GetItem": 5,
          "dynamodb:TransactWriteItems": 1,
        },
        "SocketHandler workspace.gone": {
          "dynamodb:GetItem": 4,
          "dynamodb:TransactWriteItems": 1,
        },
        "StreamEffects": {
          "dynamodb:DeleteItem": 1,
          "dynamodb:GetItem": 5,
          "states:SendTaskSuccess": 1,
          "states:StartExecution": 1,
        },
        "StreamPush": {
          "dynamodb:GetItem": 1,
          "dynamodb:Query": 4,
          "execute-api:PostToConnection": 5,
        },
      },
      "dev pod: start": {
        "HttpWorkspaces": {
          "dynamodb:BatchGetItem": 3,
          "dynamodb:GetItem": 4,
          "dynamodb:TransactWriteItems": 1,
        },
        "SeatAwait": {
          "dynamodb:GetItem": 5,
          "dynamodb:PutItem": 1,
          "dynamodb:TransactWriteItems": 1,
        },
        "SeatRecordSuccess": {
          "dynamodb:GetItem": 5,
          "dynamodb:TransactWriteItems": 1,
        },
        "SocketHandler workspace.status Running": {
          "dynamodb:GetItem": 4,
          "dynamodb:TransactWriteItems": 1,
        },
        "SocketHandler workspace.status Starting": {
          "dynamodb:GetItem": 4,
          "dynamodb:TransactWriteItems": 1,
        },
        "StreamEffects": {
          "dynamodb:DeleteItem": 1,
          "dynamodb:GetItem": 7,
          "states:SendTaskSuccess": 1,
          "states:StartExecution": 1,
        },
        "StreamPush": {
          "dynamodb:GetItem": 1,
          "dynamodb:Query": 5,
          "execute-api:PostToConnection": 6,
        },
      },
      "dev pod: stop": {
        "HttpWorkspaces": {
          "dynamodb:BatchGetItem": 2,
          "dynamodb:GetItem": 4,
          "dynamodb:TransactWriteItems": 1,
        },
        "SeatAwait": {
          "dynamodb:GetItem": 5,
          "dynamodb:PutItem": 1,
          "dynamodb:TransactWriteItems": 1,
        },
        "SeatRecordSuccess": {
          "dynamodb:GetItem": 5,
          "dynamodb:TransactWriteItems": 1,
        },
        "SocketHandler workspace.status Stopped": {
          "dynamodb:GetItem": 4,
          "dynamodb:TransactWriteItems": 1,
        },
        "SocketHandler workspace.status Stopping": {
          "dynamodb:GetItem": 4,
          "dynamodb:TransactWriteItems": 1,
        },
        "StreamEffects": {
          "dynamodb:DeleteItem": 1,
          "dynamodb:GetItem": 7,
          "states:SendTaskSuccess": 1,
          "states:StartExecution": 1,
        },
        "StreamPush": {
          "dynamodb:GetItem": 1,
          "dynamodb:Query": 5,
          "execute-api:PostToConnection": 6,
        },
      },
      "extend, with the push to one watcher": {
        "HttpClusters": {
          "dynamodb:BatchGetItem": 1,
          "dynamodb:GetItem": 2,
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
          "dynamodb:GetItem": 1,
        },
      },
      "heartbeat": {
        "SocketHandler heartbeat": {
          "dynamodb:BatchGetItem": 1,
          "dynamodb:GetItem": 2,
          "dynamodb:Query": 2,
          "dynamodb:UpdateItem": 1,
        },
      },
      "list": {
        "HttpClusters": {
          "dynamodb:BatchGetItem": 2,
          "dynamodb:Query": 1,
        },
      },
    }
  `);
  // DESIGN §2's bar: a dev pod's life (create, stop, start, delete) costs the control plane a tenth of a cent at most.
  expect(life.usd).toBeLessThan(0.001);
  expect(life.transitions).toBe(12);
});
