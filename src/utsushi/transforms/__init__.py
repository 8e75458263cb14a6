"""What is done to rows before a network sees them: scaling, table schema, damage, augmentation."""
