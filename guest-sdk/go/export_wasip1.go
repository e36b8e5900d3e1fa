package boathook

// What the component imports and exports. In a test, package boathooktest stands in its place.
import _ "boathook/internal/component"
