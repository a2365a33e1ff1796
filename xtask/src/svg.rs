//! What the figures of recordings have in common; those of demos are drawn by the demos.

pub const WIDTH: f64 = 640.0;

/// A figure, with what a screen reader says of it; `style` is its CSS, for light and dark pages.
pub fn figure(title: &str, description: &str, style: &str, height: f64, drawn: &str) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" \
         font-family=\"system-ui, sans-serif\" font-size=\"15\" role=\"img\">\n\
         <title>{title}</title>\n<desc>{description}</desc>\n<style>{style}</style>\n{drawn}</svg>\n"
    )
}

/// Words at a place; `how` are further attributes, such as the anchor or a color.
pub fn text(x: f64, y: f64, how: &str, words: &str) -> String {
    format!("<text x=\"{x:.1}\" y=\"{y:.1}\" {how}>{words}</text>\n")
}
