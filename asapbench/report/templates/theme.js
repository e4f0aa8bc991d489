// Before anything is drawn: the theme that was chosen last, else that of the system.
(() => {
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  let chosen = null;
  try { chosen = localStorage.getItem("asapbench-theme"); } catch { /* a file may keep nothing */ }
  const told = () => dispatchEvent(new Event("theme"));
  const show = () => {
    const paper = root.classList.contains("printing");
    root.dataset.theme = paper ? "light" : chosen ?? (dark.matches ? "dark" : "light");
  };
  show();
  dark.addEventListener("change", () => { show(); told(); });
  addEventListener("DOMContentLoaded", () => {
    document.getElementById("theme").addEventListener("click", () => {
      chosen = root.dataset.theme === "dark" ? "light" : "dark";
      try { localStorage.setItem("asapbench-theme", chosen); } catch { /* as above */ }
      show();
      told();
    });
  });
  // paper is white, as wide as it is, and cannot be unfolded
  let open = [];
  const met = () => document.querySelectorAll(".met");
  addEventListener("beforeprint", () => {
    open = [...met()].map((one) => one.open);
    root.classList.add("printing");
    for (const one of met()) one.open = true;
    show();
    told();
  });
  addEventListener("afterprint", () => {
    root.classList.remove("printing");
    met().forEach((one, index) => { one.open = open[index]; });
    show();
    told();
  });
})();
