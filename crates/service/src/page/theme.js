// Colours as the system has them, or as someone chose. Runs before the page is painted.
(() => {
  const KEY = "amplio.theme";
  const kept = () => {
    try { return localStorage.getItem(KEY); } catch { return null; }
  };
  const use = (theme) => {
    if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
    else delete document.documentElement.dataset.theme;
  };
  use(kept());
  const WORDS = { system: "as the system", light: "light", dark: "dark" };
  const ICONS = { system: "#i-system", light: "#i-sun", dark: "#i-moon" };
  document.addEventListener("DOMContentLoaded", () => {
    const button = document.getElementById("theme-button");
    const show = () => {
      const theme = document.documentElement.dataset.theme ?? "system";
      button.querySelector("use").setAttribute("href", ICONS[theme]);
      document.getElementById("theme-name").textContent = `Colours: ${WORDS[theme]}`;
      button.title = `Colours: ${WORDS[theme]}`;
    };
    button.addEventListener("click", () => {
      const names = Object.keys(WORDS);
      const next = names[(names.indexOf(document.documentElement.dataset.theme ?? "system") + 1) % names.length];
      use(next);
      try { localStorage.setItem(KEY, next); } catch { /* it lasts until the page is left */ }
      show();
    });
    show();
  });
})();
