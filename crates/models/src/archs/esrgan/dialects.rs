//! The paths under which ESRGAN's weights have been published.

use crate::Weights;

/// Paths that every network has.
const NEEDED: [&str; 4] =
    ["conv_first.weight", "body.0.rdb1.conv1.weight", "conv_body.weight", "conv_last.weight"];

/// The weights under Real-ESRGAN's paths: `conv_first`, `body.0.rdb1.conv1`, …, `conv_body`, `conv_up1`, …, `conv_hr`,
/// `conv_last`. `None` if they are not ESRGAN's.
pub(super) fn normalised(weights: &Weights) -> Option<Weights> {
    let last = weights.scope("model").count().saturating_sub(1);
    if !weights.paths().all(|path| normal_path(path, last).is_some()) {
        return None;
    }
    let normal = weights.renamed(|path| normal_path(path, last));
    NEEDED.iter().all(|path| normal.has(path)).then_some(normal)
}

/// A path of any dialect as Real-ESRGAN has it; `last` is the number of the last layer of the oldest dialect.
///
/// The oldest dialect numbers the layers, also those without weights: 0 the first convolution, 1 the blocks and the
/// convolution after them, then for each enlargement the enlargement, a convolution and an activation, and at the end
/// a convolution, an activation and the last convolution.
fn normal_path(path: &str, last: usize) -> Option<String> {
    let parts: Vec<_> = path.split('.').collect();
    let (&kind, layer) = parts.split_last()?;
    if !matches!(kind, "weight" | "bias") {
        return None;
    }
    let normal = match *layer {
        ["conv_first"] | ["model", "0"] => "conv_first".to_owned(),
        ["body" | "RRDB_trunk", block, rdb, conv]
        | ["model", "1", "sub", block, rdb, conv, "0"]
        | ["model", "1", "sub", block, rdb, conv @ "conv1x1"] => dense_path(block, rdb, conv)?,
        ["conv_body" | "trunk_conv"] => "conv_body".to_owned(),
        ["model", "1", "sub", number] if number.parse::<u16>().is_ok() => "conv_body".to_owned(),
        ["conv_hr" | "HRconv"] => "conv_hr".to_owned(),
        ["conv_last"] => "conv_last".to_owned(),
        ["model", number] => numbered_path(number.parse().ok()?, last)?,
        [name] => {
            let up = name.strip_prefix("conv_up").or_else(|| name.strip_prefix("upconv"))?;
            format!("conv_up{}", up.parse::<u16>().ok()?)
        }
        _ => return None,
    };
    Some(format!("{normal}.{kind}"))
}

fn dense_path(block: &str, rdb: &str, conv: &str) -> Option<String> {
    let block: u16 = block.parse().ok()?;
    let rdb = rdb.strip_prefix("RDB").or_else(|| rdb.strip_prefix("rdb"))?;
    let known = matches!(rdb, "1" | "2" | "3")
        && matches!(conv, "conv1" | "conv2" | "conv3" | "conv4" | "conv5" | "conv1x1");
    known.then(|| format!("body.{block}.rdb{rdb}.{conv}"))
}

fn numbered_path(number: usize, last: usize) -> Option<String> {
    match number {
        _ if last < 4 || last % 3 != 1 => None,
        _ if number == last => Some("conv_last".into()),
        _ if number + 2 == last => Some("conv_hr".into()),
        _ if number.is_multiple_of(3) && number < last => Some(format!("conv_up{}", number / 3)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::normal_path;

    #[test]
    fn dialects_meet() {
        for (path, normal) in [
            ("model.0.weight", "conv_first.weight"),
            ("model.1.sub.7.RDB2.conv3.0.bias", "body.7.rdb2.conv3.bias"),
            ("model.1.sub.7.RDB2.conv1x1.weight", "body.7.rdb2.conv1x1.weight"),
            ("RRDB_trunk.7.RDB2.conv3.bias", "body.7.rdb2.conv3.bias"),
            ("model.1.sub.23.weight", "conv_body.weight"),
            ("trunk_conv.weight", "conv_body.weight"),
            ("model.6.weight", "conv_up2.weight"),
            ("upconv2.weight", "conv_up2.weight"),
            ("conv_up2.weight", "conv_up2.weight"),
            ("model.8.bias", "conv_hr.bias"),
            ("HRconv.bias", "conv_hr.bias"),
            ("model.10.bias", "conv_last.bias"),
        ] {
            assert_eq!(normal_path(path, 10).as_deref(), Some(normal), "{path}");
        }
        for path in [
            "model.2.weight",
            "body.0.rdb4.conv1.weight",
            "body.0.rdb1.conv1.alpha",
            "conv_up.weight",
            "weight",
        ] {
            assert_eq!(normal_path(path, 10), None, "{path}");
        }
    }
}
