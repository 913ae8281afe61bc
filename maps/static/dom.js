/* Elements of a page: made from attributes and texts; nothing is ever parsed as HTML. */
(function () {
  "use strict";
  const Wangge = (window.Wangge = window.Wangge || {});
  const SVG = "http://www.w3.org/2000/svg";

  function furnish(node, attributes, children) {
    Object.entries(attributes || {}).forEach(function ([name, value]) {
      if (value !== null && value !== undefined) { node.setAttribute(name, value); }
    });
    children.forEach(function (child) {
      if (child !== null && child !== undefined) { node.append(child); }
    });
    return node;
  }

  Wangge.make = function (tag, attributes, ...children) {
    return furnish(document.createElement(tag), attributes, children);
  };

  Wangge.draw = function (tag, attributes, ...children) {
    return furnish(document.createElementNS(SVG, tag), attributes, children);
  };

  /* Put values into the {fields} of a text. */
  Wangge.fill = function (text, values) {
    return text.replace(/\{(\w+)\}/g, function (whole, key) {
      return key in values ? values[key] : whole;
    });
  };
})();
