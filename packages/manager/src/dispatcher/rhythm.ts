// How often a node is to be heard, and how long its silence is borne.
import { type Duration, durationOf, milliseconds, type Random, seconds } from "@mswarm/runtime";
import type { Cluster } from "@mswarm/wire";

export interface Rhythm {
  /** Between two heartbeats. */
  readonly period: Duration;
  /** A single period differs from `period` by at most this. */
  readonly spread: Duration;
  /** A registered node that is silent for so many periods is DOWN. */
  readonly grace: number;
  /** The same for a node that only the former leader knew. */
  readonly unknownGrace: number;
}

// Source: swarmkit manager/dispatcher/dispatcher.go, defaults.
const defaultPeriod = seconds(5);
/** Below this, a busy machine would miss its own deadlines. */
const periodMin = milliseconds(100);
const spreadMax = milliseconds(500);
const graceFactor = 3;
const unknownGraceFactor = 6;

/**
 * Of the cluster's period, for mswarm nodes: 2 s where Docker's say 5 s. Their heartbeats fail after one period, so
 * that a node whose manager's plug was pulled has found another manager well before its grace is over.
 */
const ownShare = 0.4;
const ownGraceFactor = 4;

/** @param isMswarm  the node runs mswarm; Docker's are told what the cluster's spec says */
export function rhythmOf(cluster: Cluster | undefined, isMswarm: boolean): Rhythm {
  const wished = durationOf(cluster?.spec?.dispatcher?.heartbeatPeriod, defaultPeriod);
  // Zero keeps the default, as everywhere in a cluster spec.
  const told = wished <= 0 ? defaultPeriod : wished;
  const period = milliseconds(Math.max(periodMin, isMswarm ? told * ownShare : told));
  return {
    period,
    spread: milliseconds(Math.min(spreadMax, period / 8)),
    grace: isMswarm ? ownGraceFactor : graceFactor,
    unknownGrace: isMswarm ? ownGraceFactor : unknownGraceFactor,
  };
}

/** The pause before the next heartbeat of one node: nodes that began together drift apart. */
export function nextPeriod({ period, spread }: Rhythm, random: Random): Duration {
  return milliseconds(period + (random.fraction() * 2 - 1) * spread);
}
