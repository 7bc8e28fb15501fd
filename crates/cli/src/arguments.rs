//! What was typed: `amplio INPUT…` or `amplio COMMAND …`.

use std::sync::LazyLock;

use amplio::cpu::Level;
use clap::Parser;

use crate::commands::{Command, upscale};

static VERSION: LazyLock<String> =
    LazyLock::new(|| format!("{} ({})", env!("CARGO_PKG_VERSION"), Level::best()));

const FOOTER: &str = "\
Examples:
  amplio photo.jpg                             makes photo_4x.jpg, four times as wide and high
  amplio photo.jpg -o large.png --size 3840x   3840 pixels wide, as PNG
  amplio photos -o large                       every picture in a folder, into another one
  amplio 'scans/*.tif' --preset anime --scale 2
  amplio - <in.png >out.png                    from standard input to standard output

Exit codes:
  0 all done; 1 some inputs failed; 2 wrong usage; 3 the model could not be loaded; 130 interrupted";

/// Makes pictures larger with neural networks, offline.
#[derive(Debug, Parser)]
#[command(
    name = "amplio",
    version = VERSION.as_str(),
    after_help = FOOTER,
    max_term_width = 100,
    arg_required_else_help = true,
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    disable_help_subcommand = true
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) upscale: upscale::Args,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_arguments_do_not_contradict_each_other() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn pictures_alone_mean_upscale() {
        let typed = |words: &[&str]| Arguments::try_parse_from([&["amplio"], words].concat());
        let arguments = typed(&["photo.jpg", "info"]).expect("two pictures");
        assert!(arguments.command.is_none());
        assert_eq!(arguments.upscale.inputs.len(), 2);
        let arguments = typed(&["upscale", "photo.jpg"]).expect("a command and a picture");
        assert!(matches!(arguments.command, Some(Command::Upscale(_))));
        assert!(matches!(typed(&["models"]).expect("a command").command, Some(Command::Models(_))));
        assert!(typed(&["--scale", "2"]).is_err());
    }
}
