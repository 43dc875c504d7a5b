// "/" moves to the search field, as on many sites, unless something is being typed.

document.addEventListener("keydown", (event) => {
  const isTyping = event.target instanceof Element
    && event.target.closest("input, select, textarea, [contenteditable]");
  if (event.key !== "/" || isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
  const field = document.getElementById("q");
  if (!field) return;
  event.preventDefault();
  field.focus();
  field.select();
});
