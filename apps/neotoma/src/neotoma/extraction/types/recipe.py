"""Recipes."""

from neotoma.extraction.shapes import DocumentType, Told

RECIPE = DocumentType(
    name="recipe",
    heading=r"recipe|rezept",
    patterns=(
        r"^(?:ingredients|zutaten)\b",
        r"^(?:method|directions|instructions|preparation|zubereitung)\b",
        r"\b(?:serves|servings|yield|portionen)\b *:? *[0-9]",
        r"\b(?:prep(?:aration)?|cook(?:ing)?|baking|total) time\b",
        r"\b(?:preheat|tbsp|tsp|teaspoons?|tablespoons?|simmer|whisk|bake (?:for|at))\b",
    ),
    told=(
        Told("servings", "number", ("serves", "servings", "yield", "portionen")),
        Told("preparation_time", "text", ("preparation time", "prep time")),
        Told("cooking_time", "text", ("cooking time", "cook time", "baking time")),
        Told("author", "text", ("recipe by", "author", "from the kitchen of"), "person", "written_by"),
    ),
)
