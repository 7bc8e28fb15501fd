//! Training frameworks wrap a network's tensors in containers. This is the one place that knows them.

use crate::Weights;

/// Containers beside which a file may hold other things (optimiser states, other copies of the weights), most wanted first:
/// the running average of the weights before the weights themselves.
const CONTAINERS: [&str; 12] = [
    "model_state_dict",
    "state_dict",
    "params_ema",
    "params-ema",
    "params",
    "generator",
    "gen",
    "netG",
    "net_g",
    "network",
    "net",
    "model",
];

/// Wrappers around the whole network.
const WRAPPERS: [&str; 2] = ["module", "_orig_mod"];

/// With what the names begin of what may lie beside a network in the checkpoint of its training: the other one of a pair of
/// networks, other copies of the weights, losses, optimisers, schedules.
const COMPANIONS: [&str; 9] =
    ["disc", "netD", "net_d", "ema", "model_ema", "loss", "criterion", "optim", "sched"];

/// The network's own tensors under the network's own paths.
pub(crate) fn unwrapped(weights: Weights) -> Weights {
    let container = container(weights.paths());
    if container.is_empty() {
        return weights;
    }
    weights.renamed(|path| path.strip_prefix(&container).map(str::to_owned))
}

/// With what the paths of the network's own tensors begin, up to and with a dot; empty if all are.
pub(crate) fn container<'a>(paths: impl Iterator<Item = &'a str>) -> String {
    let mut paths: Vec<_> = paths.collect();
    let mut container = String::new();
    // Each turn makes the paths shorter.
    while let Some(name) = outermost(&paths) {
        paths = paths.into_iter().filter_map(|path| inside(path, name)).collect();
        container.push_str(name);
        container.push('.');
    }
    container
}

fn outermost(paths: &[&str]) -> Option<&'static str> {
    let within = |name: &'static str| paths.iter().map(move |path| inside(path, name));
    let holds_all = |name| !paths.is_empty() && within(name).all(|path| path.is_some());
    let holds_the_network = |name| match name {
        // A part of a network may have such a name: it counts only if no other part lies beside it. And a list of layers
        // has numbers for names (ESRGAN's `model.0`), which a container has not.
        "generator" | "gen" | "netG" | "net_g" | "network" | "net" | "model" => {
            let beside = |path: &&str| inside(path, name).is_none() && !is_companion(path);
            within(name).flatten().next().is_some()
                && !paths.iter().any(beside)
                && within(name).flatten().all(|path| !path.starts_with(|c: char| c.is_ascii_digit()))
        }
        _ => within(name).flatten().next().is_some(),
    };
    let wrapper = WRAPPERS.into_iter().find(|name| holds_all(name));
    wrapper.or_else(|| CONTAINERS.into_iter().find(|name| holds_the_network(name)))
}

fn is_companion(path: &str) -> bool {
    COMPANIONS.iter().any(|name| path.starts_with(name))
}

fn inside<'a>(path: &'a str, container: &str) -> Option<&'a str> {
    path.strip_prefix(container)?.strip_prefix('.').filter(|rest| !rest.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DType;
    use amplio_graph::Tensor;

    fn unwrapped_paths(paths: &[&str]) -> Vec<String> {
        let mut weights = Weights::new();
        for (i, path) in paths.iter().enumerate() {
            weights.insert(*path, Tensor::scalar(i as f32), DType::F32);
        }
        unwrapped(weights).paths().map(str::to_owned).collect()
    }

    #[test]
    fn containers_disappear() {
        for prefix in [
            "",
            "params.",
            "params_ema.",
            "state_dict.",
            "model_state_dict.",
            "module.",
            "netG.",
            "generator.",
        ] {
            let path = format!("{prefix}body.0.weight");
            assert_eq!(unwrapped_paths(&[&path]), ["body.0.weight"], "{path}");
        }
        assert_eq!(unwrapped_paths(&["state_dict.module.params.a.b"]), ["a.b"]);
    }

    #[test]
    fn the_running_average_wins() {
        let mut weights = Weights::new();
        weights.insert("params.a", Tensor::scalar(1.0), DType::F32);
        weights.insert("params_ema.a", Tensor::scalar(2.0), DType::F32);
        weights.insert("optimizer.a", Tensor::scalar(3.0), DType::F32);
        let weights = unwrapped(weights);
        assert_eq!(weights.len(), 1);
        assert_eq!(weights.get("a").map(|w| w.tensor.data()[0]), Some(2.0));
    }

    #[test]
    fn what_belongs_to_the_training_is_left_out() {
        assert_eq!(
            unwrapped_paths(&["netD.0.weight", "netG.module.body.0.weight", "optimizer_g.state.0.exp_avg"]),
            ["body.0.weight"]
        );
    }

    #[test]
    fn parts_of_a_network_stay() {
        assert_eq!(unwrapped_paths(&["model.0.weight", "model.1.sub.0.weight"]).len(), 2);
        assert_eq!(unwrapped_paths(&["model.0.weight"]), ["model.0.weight"]);
        assert_eq!(
            unwrapped_paths(&["head.weight", "model.tail.weight"]),
            ["head.weight", "model.tail.weight"]
        );
    }
}
