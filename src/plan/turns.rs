//! Whose turn it is, by weight.

use std::cmp::Reverse;
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

/// Up to so many turns are written down, and as many as there are targets: turns of equal weights are those of the list.
const MAX_WRITTEN: u64 = 1_000_000;

/// Targets in turn, as evenly as their weights allow: after any number of requests each target has had its share of
/// them (requests x weight / all weights), give or take [`Turns::MAX_DEVIATION`]; after as many requests as the
/// weights sum up to, exactly its share.
#[derive(Clone, Debug)]
pub struct Turns(How);

#[derive(Clone, Debug)]
enum How {
    /// This sequence, again and again.
    Written(Arc<[u32]>),
    /// By halving: no table as long as the sum of the weights is needed.
    Halved { nodes: Arc<[Node]>, period: u64 },
}

/// Some of the targets, in two groups of nearly equal weight.
#[derive(Clone, Debug)]
struct Node {
    /// Of the first group.
    weight: u64,
    /// Of both.
    all: u64,
    groups: [Group; 2],
}

#[derive(Clone, Copy, Debug)]
enum Group {
    /// One target.
    Target(u32),
    /// The node with this number.
    Node(u32),
}

impl Turns {
    /// No target is further from its share than this, in requests.
    pub const MAX_DEVIATION: u64 = 2;

    /// The turns of targets with these weights, of which there is at least one, and none is zero.
    pub fn new(weights: &[u32]) -> Turns {
        let divisor = weights.iter().fold(0, |a, &b| gcd(a, b)).max(1);
        let weights: Vec<u64> = weights.iter().map(|&weight| u64::from(weight / divisor)).collect();
        let written = written(&weights).filter(|turns| is_even(turns, &weights));
        Turns(written.map_or_else(|| halved(&weights), |turns| How::Written(turns.into())))
    }

    /// Whose turn request `index` is.
    #[inline]
    pub fn target(&self, index: u64) -> u32 {
        match &self.0 {
            How::Written(turns) => turns[(index % turns.len() as u64) as usize],
            How::Halved { nodes, period } => target_of(nodes, index % period),
        }
    }
}

/// Request `turn` of the first node goes to the group that is short of its share then, and is a request of that
/// group with a number of its own; and so on. With n requests of a node, the first group has its share of them,
/// rounded: so a group is half a request off at most, and its part of what its node is off.
fn target_of(nodes: &[Node], mut turn: u64) -> u32 {
    let mut at = 0;
    loop {
        let Node { weight, all, groups } = &nodes[at as usize];
        // Rounded, as (turn x weight) / all + 1/2.
        let (before, is_first) = match (turn.checked_mul(*weight), all.checked_mul(2)) {
            // Mostly they fit into 64 bits, in which a division takes a fraction of the time.
            (Some(product), Some(_)) if product <= u64::MAX - all => split(product + all / 2, *all, *weight),
            _ => {
                let (all, weight) = (u128::from(*all), u128::from(*weight));
                let sum = u128::from(turn) * weight + all / 2;
                ((sum / all) as u64, sum % all + weight >= all)
            }
        };
        turn = if is_first { before } else { turn - before };
        match groups[usize::from(!is_first)] {
            Group::Target(target) => return target,
            Group::Node(node) => at = node,
        }
    }
}

/// How many turns the first group had before, and whether it has this one.
fn split(sum: u64, all: u64, weight: u64) -> (u64, bool) {
    (sum / all, sum % all + weight >= all)
}

/// Each target in the middle of each of as many equal parts of the sequence as it has turns. None: it is too long.
fn written(weights: &[u64]) -> Option<Vec<u32>> {
    let sum: u64 = weights.iter().sum();
    if sum > MAX_WRITTEN.max(weights.len() as u64) {
        return None;
    }
    let mut turns: Vec<(u64, u32)> = Vec::with_capacity(sum as usize);
    for (target, &times) in (0..).zip(weights) {
        turns.extend((0..times).map(|turn| ((2 * turn + 1) * sum * 1_000 / (2 * times), target)));
    }
    // Those that begin together keep the order of the list.
    turns.sort();
    Some(turns.into_iter().map(|(_, target)| target).collect())
}

/// No target is ever a whole request or more from its share. Many light targets beside a heavy one are: their
/// middles are in one place.
fn is_even(turns: &[u32], weights: &[u64]) -> bool {
    let sum = turns.len() as u64;
    let mut had = vec![0_u64; weights.len()];
    // A target is furthest from its share right before one of its turns, and right behind it.
    (0..).zip(turns).all(|(before, &target)| {
        let (weight, had) = (weights[target as usize], &mut had[target as usize]);
        let is_near = |n: u64, had: u64| (n * weight).abs_diff(had * sum) < sum;
        *had += 1;
        is_near(before, *had - 1) && is_near(before + 1, *had)
    })
}

/// Parts the targets, the heaviest first, into two groups as equal in weight as can be, and those likewise. A group
/// of several then has two thirds of its node's weight at most, so there are few nodes from the first to a target,
/// the fewer the heavier it is, and deviations add up to less than 1/2 (1 + 1 + 2/3 + 4/9 + ...) = 2.
fn halved(weights: &[u64]) -> How {
    let mut order: Vec<u32> = (0..weights.len() as u32).collect();
    order.sort_by_key(|&target| Reverse(weights[target as usize]));
    // The sum of the weights before each place of the order.
    let mut sums = vec![0_u64];
    sums.extend(order.iter().scan(0, |sum, &target| {
        *sum += weights[target as usize];
        Some(*sum)
    }));
    let mut nodes: Vec<Node> = Vec::with_capacity(order.len());
    // Stretches of the order that are to become a node.
    let mut stretches = VecDeque::new();
    stretches.push_back(0..order.len());
    while let Some(stretch) = stretches.pop_front() {
        let (start, end) = (sums[stretch.start], sums[stretch.end]);
        // The two places around the middle: the one that is nearer to it parts the stretch.
        let above = sums[stretch.start + 1..stretch.end].partition_point(|sum| sum - start < end - sum);
        let places = [above, above + 1].map(|n| (stretch.start + n).clamp(stretch.start + 1, stretch.end - 1));
        let [low, high] = places.map(|place| (sums[place] - start).abs_diff(end - sums[place]));
        let middle = if low <= high { places[0] } else { places[1] };
        let mut group = |part: Range<usize>| match part.len() {
            1 => Group::Target(order[part.start]),
            _ => {
                stretches.push_back(part);
                // Nodes are made in the order in which stretches are noted.
                Group::Node((nodes.len() + stretches.len()) as u32)
            }
        };
        let groups = [group(stretch.start..middle), group(middle..stretch.end)];
        nodes.push(Node { weight: sums[middle] - start, all: end - start, groups });
    }
    How::Halved { nodes: nodes.into(), period: sums[order.len()] }
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;
    use proptest::prelude::*;

    fn turns(weights: &[u32]) -> Vec<u32> {
        let turns = Turns::new(weights);
        let divisor = weights.iter().fold(0, |a, &b| gcd(a, b));
        (0..weights.iter().map(|&weight| u64::from(weight / divisor)).sum()).map(|n| turns.target(n)).collect()
    }

    #[test]
    fn few_turns_are_those_in_the_middle_of_equal_parts() {
        assert_eq!(turns(&[1, 1, 1]), [0, 1, 2]);
        assert_eq!(turns(&[1_000_000; 4]), [0, 1, 2, 3]);
        assert_eq!(turns(&[2, 1]), [0, 1, 0]);
        assert_eq!(turns(&[40, 10, 10]), [0, 0, 1, 2, 0, 0]);
        assert_eq!(turns(&[7]), [0]);
    }

    #[test]
    fn many_light_targets_do_not_come_all_at_once() {
        let turns = turns(&[&[9_u32][..], &[1; 9]].concat());
        assert!(turns.windows(3).all(|three| three.contains(&0)), "{turns:?}");
    }

    /// The largest deviation of any target from its share over the first requests, in requests.
    fn deviation(weights: &[u32], requests: u64) -> f64 {
        let sum: u64 = weights.iter().map(|&weight| u64::from(weight)).sum();
        let turns = Turns::new(weights);
        let mut had = vec![0_u64; weights.len()];
        let off = |had: u64, n: u64, weight: u32| {
            let share = u128::from(n) * u128::from(weight);
            (u128::from(had) * u128::from(sum)).abs_diff(share) as f64 / sum as f64
        };
        let mut most = 0.0_f64;
        for n in 0..requests {
            let target = turns.target(n) as usize;
            most = most.max(off(had[target], n, weights[target]));
            had[target] += 1;
            most = most.max(off(had[target], n + 1, weights[target]));
        }
        had.iter().zip(weights).map(|(&had, &weight)| off(had, requests, weight)).fold(most, f64::max)
    }

    #[test]
    fn counts_of_a_log_need_no_common_measure() {
        let mut rng = crate::rng::for_request(1, 0);
        let weights: Vec<u32> = (0..1_000).map(|_| 1 + (rng.next_u64() % 1_000_000) as u32).collect();
        assert!(deviation(&weights, 200_000) <= Turns::MAX_DEVIATION as f64);
        assert!(deviation(&[999_983, 999_979], 2_000_000) <= 1.0);
        assert!(deviation(&[u32::MAX, u32::MAX - 1, 1, 2, 3], 100_000) <= Turns::MAX_DEVIATION as f64);
    }

    #[test]
    fn numbers_beyond_64_bits_do_not_overflow() {
        let turns = Turns::new(&vec![u32::MAX - 4; 70_000].into_iter().chain([7]).collect::<Vec<u32>>());
        let How::Halved { period, .. } = turns.0 else { panic!("it is too long to be written down") };
        assert!(u128::from(period) * u128::from(period) > u128::from(u64::MAX));
        for index in [0, period - 1, period, u64::MAX] {
            assert!(turns.target(index) <= 70_000);
        }
    }

    fn weights() -> impl Strategy<Value = Vec<u32>> {
        let weight = prop_oneof![1_u32..5, 1_u32..50, 1_u32..2_000, Just(1)];
        prop::collection::vec(weight, 1..30)
    }

    proptest! {
        #[test]
        fn every_target_has_its_share_after_any_number_of_requests(weights in weights()) {
            let sum = weights.iter().map(|&weight| u64::from(weight)).sum();
            prop_assert!(deviation(&weights, sum) < Turns::MAX_DEVIATION as f64);
        }

        #[test]
        fn by_halving_too(weights in weights(), start: u64) {
            let weights: Vec<u64> = weights.into_iter().map(u64::from).collect();
            prop_assume!(weights.len() > 1);
            let How::Halved { nodes, period } = halved(&weights) else { unreachable!("it says so") };
            prop_assert_eq!(nodes.len(), weights.len() - 1);
            // As many requests as a period has, from any one on, are shared out exactly.
            let mut had = vec![0_u64; weights.len()];
            (0..period).for_each(|n| had[target_of(&nodes, (start % period + n) % period) as usize] += 1);
            prop_assert_eq!(&had, &weights);
        }

        #[test]
        fn huge_weights_keep_to_their_shares(weights in prop::collection::vec(1_u32.., 1..200)) {
            prop_assert!(deviation(&weights, 2_000) < Turns::MAX_DEVIATION as f64);
        }
    }
}
